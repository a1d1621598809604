# Letters of Greek and Cyrillic that look like ours.
space "milano" {
  timezone = "Еurope/Rome"
  open     = "Мо-Fr 09:00-17:00"
}
space "munich" {
  timezone = "Europe/Berlin"
  oреn     = "24/7"
}
link "x" {
  between = [milanο, munich]
  when    = оpen
}
lіnk "y" {
  between = [milano, munich]
  when    = open
}
calendar "c" { days = "іt" }
space "Москва" {
  timezone = "Europe/Moscow"
  open     = "24/7"
}
