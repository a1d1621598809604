space "milano" {
  timezone = "Europe/Rome"
  open     = "Mo-Fr 09:00-19:00"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 08:30-18:00"
}
link "the long window" {
  between = [milano, munich]
  when    = "Mo-Fr 10:00-12:00"
}
