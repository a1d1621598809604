package proxy

// AccountChanged is told of an account that was made, removed, or given another secret. Whatever was begun before by
// whoever had it ends.
func (s *Server) AccountChanged(account string) {
	s.log.Info("account changed: its registrations end", "aor", account)
	for _, gone := range s.locations.DropAccount(account) {
		s.flows.Drop(gone.Flow)
	}
	s.flows.DropAccount(account) // also those that only called
}
