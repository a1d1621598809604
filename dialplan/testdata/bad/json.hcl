{
  "space": {"milano": {"timezone": "Europe/Rome"}}
}
