// Package newcomer has tests only: how a window joins, with the real programs, a real registrar, a terminal and a screen, judged from outside.
package newcomer
