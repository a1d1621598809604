calendar "italy" { days = "it" }
space "milano" {
  timezone = "Europe/Rome"
  calendar = itlay
  open     = "Mo-Fr 09:00-19:00; PH off"
}
