//go:build !race

package join

import "testing"

func TestThousandAtOnce(t *testing.T) { atOnce(t, 1000) }
