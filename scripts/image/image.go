// Package image has tests only: how a card knows its two copies of the system, and what it takes for an update. `try` switches whole images on.
package image
