space "milano" {
  timezone = "Europe/Rome"
  name     = "Milano – Milano – Milano – Milano – Milano – Milano – Milano – Milano – Milano – Milano – Milano – Milano – "
  open     = "Mo-Fr 09:00-19:00"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 08:30-18:00"
}
link "x" {
  between = [milano, munich]
  when    = open
}
