calendar "lombardy" { days = "lu-25" }
space "milano" {
  timezone = "Europe/Rome"
  open     = "Mo-Fr 09:00-19:00"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 08:30-18:00"
}
