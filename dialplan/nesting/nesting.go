// Package nesting parses files of HCL, but none that is nested too deep: the parser calls itself for each level, and a
// stack that is too deep ends a Go program, whatever it was doing.
package nesting

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Max is how many levels a file may have. The deepest that a plan or a window's file needs is four.
const Max = 100

const tooDeep = "nested too deep"

// Parse is hclsyntax.ParseConfig for a file of any depth: one that is too deep is empty, and has an error.
func Parse(src []byte, name string) (*hcl.File, hcl.Diagnostics) {
	if d := check(src, name); d != nil {
		return &hcl.File{Body: &hclsyntax.Body{}, Bytes: src}, hcl.Diagnostics{d}
	}
	return hclsyntax.ParseConfig(src, name, hcl.InitialPos)
}

// check returns the diagnostic of the first place that is too deep, or nil. A level begins with a bracket or ${, and
// with an operator whose right side the parser reads by calling itself: a sign before a sign, and each ?.
func check(src []byte, name string) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos) // the parser will say what is wrong with them
	open, signs, others := 0, 0, 0
	var before hclsyntax.TokenType
	for i := range tokens {
		switch t := &tokens[i]; t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			open, signs = open+1, 0
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			open, signs = max(open-1, 0), 0
		case hclsyntax.TokenMinus, hclsyntax.TokenBang:
			signs++
		case hclsyntax.TokenQuestion:
			others++
		case hclsyntax.TokenStar:
			if before == hclsyntax.TokenOBrack || before == hclsyntax.TokenDot {
				others++
			}
		case hclsyntax.TokenNewline, hclsyntax.TokenComment: // may stand between two signs
		default:
			signs = 0
		}
		if before = tokens[i].Type; open+signs+others > Max {
			return &hcl.Diagnostic{
				Severity: hcl.DiagError, Subject: tokens[i].Range.Ptr(), Summary: tooDeep,
				Detail: fmt.Sprintf("there may be %d levels of brackets at most; look for one that is not closed.", Max),
			}
		}
	}
	return nil
}
