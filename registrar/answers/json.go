package answers

import (
	"encoding/json"
	"fmt"

	"ewindow/dialplan"
)

// JSON is errors and warnings for an editor: one array, [] if there are none.
func JSON(ds dialplan.Diagnostics) ([]byte, error) {
	if ds == nil {
		ds = dialplan.Diagnostics{}
	}
	b, err := json.MarshalIndent(ds, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write problems as JSON: %w", err)
	}
	return append(b, '\n'), nil
}
