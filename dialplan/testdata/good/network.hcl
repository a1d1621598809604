# Who sees whom, and when. Times are local to the space they stand in.
calendar "italy" {
  days = "it"
  holiday "Sant'Ambrogio" { dates = "Dec 07" }
}
calendar "bavaria" {
  days = "de-by"
  closed "the year's end" { dates = "Dec 24-Jan 02" }
}

space "milano" {
  name     = "Milano – Barra A – Kitchen"
  timezone = "Europe/Rome"
  calendar = italy
  open     = "Mo-Fr 09:00-19:00; Sa 10:00-14:00; PH off"
  note     = "Ring twice at the door."
  closed "summer" { dates = "2027-08-09..2027-08-22" }
}
space "munich" {
  timezone = "Europe/Berlin"
  calendar = bavaria
  open     = "Mo-Fr 08:30-18:00; PH off"
}
space "potsdam" {
  timezone = "Europe/Berlin"
  open     = "We,Fr 16:00-23:00; Sa[1] 14:00-24:00"
}

# Read from top to bottom; the first rule that wants a window gets it.
link "the long window" {
  between = [milano, munich]
  when    = open
}
rotation "evening tour" {
  of    = potsdam
  with  = [milano, munich]
  every = "1d"
  from  = "2027-01-04"
}

phone "reception" {
  at       = milano
  number   = "100"
  busy     = workshop
  may_dial = [milano, kitchens, workshop]
}
phone "workshop" {
  may_dial = [reception, milano, kitchens]
}
group "kitchens" { members = [milano, munich] }
group "phones" {
  members = [reception, workshop]
  ring    = all
}
number "201" {
  rings = milano
  knock = polite
  busy  = munich
}
number "200" {
  rings = kitchens
  knock = polite
}
number "300" { rings = phones }
number "600" { rings = echo }
knock "polite" {
  from  = [reception, kitchens]
  ring  = "20s"
  until = accepted
}

expect "Ferragosto is dark" {
  at    = "2027-08-16 11:00"
  space = milano
  sees  = nobody
}
expect "on a working day they see each other" {
  at     = "2027-03-22 11:00"
  space  = munich
  sees   = milano
  caller = milano
}
