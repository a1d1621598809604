space "milano" {
  timezone = "Europe/Rome"
  open     = "Mo-Fr 09:00-19:00"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 08:30-18:00"
}
space "potsdam" {
  timezone = "Europe/Berlin"
  open     = "We,Fr 16:00-23:00"
}
link "the long window" {
  between = [milano, munich]
  when    = open
}
link "second" {
  between = [potsdam, munich]
  when    = always
}
expect "evening" {
  at    = "2027-08-18 17:00"
  space = potsdam
  sees  = munich
}
