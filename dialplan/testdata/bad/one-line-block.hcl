space "milano" { timezone = "Europe/Rome", open = "24/7" }
