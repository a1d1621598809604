space "milano" {
  timezone = "Europe/Rome"
  open     = always
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 08:30-18:00"
}
link "the long window" {
  between = [milano, munich]
  when    = open
}
