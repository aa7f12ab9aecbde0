package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestApplyReplacesWholeLinesOnce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		old, new   []string
		want       string // empty when stale
	}{
		{"one line", "a\nb\nc\n", []string{"b"}, []string{"x", "y"}, "a\nx\ny\nc\n"},
		{"several lines", "a\nb\nc\n", []string{"a", "b"}, []string{"x"}, "x\nc\n"},
		{"removed", "a\nb\n", []string{"b"}, nil, "a\n"},
		{"part of a line is not it", "max++\nx++\n", []string{"x++"}, []string{"x--"}, "max++\nx--\n"},
		{"indentation counts", "\tb\n", []string{"b"}, []string{"x"}, ""},
		{"missing", "a\n", []string{"b"}, []string{"x"}, ""},
		{"twice", "b\nb\n", []string{"b"}, []string{"x"}, ""},
		{"twice, overlapping", "b\nb\nb\n", []string{"b", "b"}, []string{"x"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := apply(tt.text, edit{file: "f.go", old: tt.old, new: tt.new})
			if stale := errors.Is(err, errStale); stale != (tt.want == "") {
				t.Fatalf("error is %v", err)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOverlayHoldsAllHunksAndLeavesTheTreeAlone(t *testing.T) {
	t.Parallel()
	root, dir := t.TempDir(), t.TempDir()
	write(t, filepath.Join(root, "p/a.go"), "one\ntwo\n")
	write(t, filepath.Join(root, "q/a.go"), "three\n")
	path, err := writeOverlay(root, dir, []edit{
		{"p/a.go", []string{"one"}, []string{"1"}},
		{"p/a.go", []string{"two"}, []string{"2"}},
		{"q/a.go", []string{"three"}, []string{"3"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var overlay struct{ Replace map[string]string }
	if err := json.Unmarshal([]byte(read(t, path)), &overlay); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"p/a.go": "1\n2\n", "q/a.go": "3\n"} {
		if got := read(t, overlay.Replace[filepath.Join(root, file)]); got != want {
			t.Errorf("%s is mutated to %q, want %q", file, got, want)
		}
	}
	if got := read(t, filepath.Join(root, "p/a.go")); got != "one\ntwo\n" {
		t.Errorf("the file itself became %q", got)
	}
}

func TestOverlayOfAMissingFileIsStale(t *testing.T) {
	t.Parallel()
	_, err := writeOverlay(t.TempDir(), t.TempDir(), []edit{{"gone.go", []string{"a"}, []string{"b"}}})
	if !errors.Is(err, errStale) {
		t.Errorf("error is %v, want stale", err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
