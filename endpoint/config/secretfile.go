package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// WithSecretFile is the text of a window's file that names another file of the secret. All else stays as somebody wrote it.
func WithSecretFile(src []byte, secret string) ([]byte, error) {
	f, problems := hclwrite.ParseConfig(src, "window.hcl", hcl.InitialPos)
	if problems.HasErrors() {
		return nil, fmt.Errorf("the window's file: %w", problems)
	}
	f.Body().SetAttributeValue("secret_file", cty.StringVal(secret))
	return f.Bytes(), nil
}
