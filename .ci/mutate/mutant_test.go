package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const head = "package: ./spine\nrun: TestSimulation\nfile: spine/ledger.go\nwhy: acks too early\n"

func TestParseReadsHeadersAndHunks(t *testing.T) {
	t.Parallel()
	text := head +
		"--- old\n\tif open > 0 {\n\n\t\treturn\n--- new\n\tif open > 1 {\n--- end\n" +
		"\n" +
		"--- old\nfile: looks like a header\n--- new\n--- end\n" +
		"file: spine/route.go\n" +
		"--- old\na\n--- new\nb\n--- end\n"
	m, err := parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if m.pkg != "./spine" || m.run != "TestSimulation" || m.why != "acks too early" {
		t.Errorf("headers read as %+v", m)
	}
	want := []edit{
		{"spine/ledger.go", []string{"\tif open > 0 {", "", "\t\treturn"}, []string{"\tif open > 1 {"}},
		{"spine/ledger.go", []string{"file: looks like a header"}, nil},
		{"spine/route.go", []string{"a"}, []string{"b"}},
	}
	equal := func(a, b edit) bool {
		return a.file == b.file && slices.Equal(a.old, b.old) && slices.Equal(a.new, b.new)
	}
	if !slices.EqualFunc(m.edits, want, equal) {
		t.Errorf("edits read as %q, want %q", m.edits, want)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const hunk = "--- old\na\n--- new\nb\n--- end\n"
	tests := []struct{ name, text, want string }{
		{"no hunk", head, "4: no hunk"},
		{"no package", "run: T\nfile: f\nwhy: w\n" + hunk, `"package" is missing`},
		{"no run", "package: p\nfile: f\nwhy: w\n" + hunk, `"run" is missing`},
		{"no why", "package: p\nrun: T\nfile: f\n" + hunk, `"why" is missing`},
		{"no file", "package: p\nrun: T\nwhy: w\n" + hunk, "4: hunk before the first"},
		{"empty header", "package:\n", `1: "package:" is no header line`},
		{"unknown header", "author: me\n", `1: unknown header "author"`},
		{"header twice", head + "run: TestOther\n" + hunk, `5: header "run" stands twice`},
		{"stray text", head + "hello\n", `5: "hello" is no header line`},
		{"no end", head + "--- old\na\n--- new\nb\n", `hunk ends without "--- end"`},
		{"no new", head + "--- old\na\n--- end\n", `7: "--- end", want "--- new"`},
		{"new without old", head + "--- new\n", `5: "--- new" without "--- old"`},
		{"nothing old", head + "--- old\n--- new\nb\n--- end\n", "no old lines"},
		{"no change", head + "--- old\na\n--- new\na\n--- end\n", "changes nothing"},
		{"bad expression", "package: p\nrun: T(\nfile: f\nwhy: w\n" + hunk, "run: error parsing regexp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(strings.NewReader(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %s", err, tt.want)
			}
		})
	}
}

func TestFindLooksInMutantFoldersOnly(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	text := head + "--- old\na\n--- new\nb\n--- end\n"
	for _, path := range []string{
		"spine/testdata/mutants/early_ack.mutant",
		"actors/host/testdata/mutants/lost.mutant",
		"spine/testdata/mutants/README.md",
		"spine/testdata/other.mutant",
		".hidden/testdata/mutants/hidden.mutant",
	} {
		write(t, filepath.Join(root, path), text)
	}
	found, err := findMutants(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range found {
		names = append(names, m.name)
	}
	if want := []string{"lost", "early_ack"}; !slices.Equal(names, want) {
		t.Errorf("found %q, want %q", names, want)
	}
}

func TestFindReportsEveryBadFile(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "a/testdata/mutants/one.mutant"), "x\n")
	write(t, filepath.Join(root, "b/testdata/mutants/two.mutant"), head)
	_, err := findMutants(root)
	if err == nil || !strings.Contains(err.Error(), "a/testdata/mutants/one.mutant:1: ") || !strings.Contains(err.Error(), "two.mutant:4: ") {
		t.Errorf("error is %v, want both files with their lines", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
