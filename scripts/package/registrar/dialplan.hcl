# Two spaces that see each other while both are open. Copy to /etc/ewindow/dialplan.hcl; `ewindow-registrar check` says what is wrong in it.

space "milano" {
  timezone = "Europe/Rome"
  open     = "Mo-Fr 09:00-18:00"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 09:00-18:00"
}

link "milano-munich" {
  between = [milano, munich]
  when    = open
}
