spaces:
  - name: milano
    timezone: Europe/Rome
