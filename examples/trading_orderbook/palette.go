package main

import "strings"

// palette colours text for somebody who looks on; for everybody else it changes nothing.
type palette struct{ on bool }

func (p palette) paint(code, text string) string {
	if !p.on || strings.TrimSpace(text) == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p palette) green(text string) string  { return p.paint("32", text) }
func (p palette) red(text string) string    { return p.paint("31", text) }
func (p palette) yellow(text string) string { return p.paint("33", text) }
func (p palette) cyan(text string) string   { return p.paint("36", text) }
func (p palette) dim(text string) string    { return p.paint("2", text) }
func (p palette) bold(text string) string   { return p.paint("1", text) }
