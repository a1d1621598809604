# Two lunch hours apart, one bar at night.
space "milano" {
  name     = "Milano – Barra A – Kitchen"
  timezone = "Europe/Rome"
  open     = "Mo-Fr 09:00-12:00,13:00-19:00; Sa 10:00-14:00"
}

space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 08:30-18:00"
}

space "potsdam" {
  timezone = "Europe/Berlin"
  open     = "Mo-Th 16:00-23:00; Fr 16:00-02:00"
}

space lisboa {
  timezone = "Europe/Lisbon"
  open     = "24/7"
}

link "the long window" {
  between = [milano, munich]
  when    = open
}

link "evening" {
  between = [milano, potsdam]
  when    = open
  caller  = potsdam
}

link "night" {
  between = [lisboa, potsdam]
  when    = always
}

phone "reception" {
  name     = "Reception Milano"
  number   = "100"
  may_dial = [milano, munich, workshop]
  security = "none"
  auth     = "md5"
  picture  = false
}

phone "workshop" {
}

number "201" { rings = milano }
