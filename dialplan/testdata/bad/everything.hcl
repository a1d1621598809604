space "milano" {
  timezone = "Europe/Rom"
  open     = "Mo-Fr 09:00-1900"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 8h30-18:00"
}
link "the long window" {
  between = [milano, munic]
  when    = yes
}
numbr "1" {
}
