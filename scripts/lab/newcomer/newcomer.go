// Package newcomer has tests only: how a window joins, and how a membership ends whose card was stolen, with the real programs, a real registrar, a terminal and a screen, judged from outside.
package newcomer
