package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestVerdicts runs the go command on a module of its own: what counts is how
// its real output is understood.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	root := scratchModule(t)
	mutants := []mutant{
		{name: "wrong sum", pkg: ".", run: "TestSum", edits: sumEdit("return a - b")},
		{name: "panic", pkg: ".", run: "TestSum", edits: sumEdit(`panic("x")`)},
		{name: "hang", pkg: ".", run: "TestSum", edits: sumEdit("select { case <-make(chan int): }; return 0")},
		{name: "no compile", pkg: ".", run: "TestSum", edits: sumEdit("return missing")},
		{name: "no effect", pkg: ".", run: "TestSum", edits: sumEdit("return b + a")},
		{name: "seldom", pkg: ".", run: "TestSum", edits: sumEdit("return seldom(a, b)")},
		{name: "stale", pkg: ".", run: "TestSum", edits: []edit{{"sum.go", []string{"gone"}, nil}}},
		{name: "red before", pkg: ".", run: "TestAlwaysRed", edits: sumEdit("return 0")},
		{name: "no such test", pkg: ".", run: "TestNothing", edits: sumEdit("return 0")},
	}
	want := []struct {
		verdict verdict
		by      string
	}{
		{caught, "TestSum/small"},
		{caught, "TestSum/small"},
		{caught, "TestSum/small (timeout)"},
		{broken, ""},
		{survived, ""},
		{caught, "TestSum/small (go 2)"},
		{stale, ""},
		{baseless, ""},
		{baseless, ""},
	}
	h := hunt{root: root, timeout: 5 * time.Second, progress: io.Discard}
	results, err := h.all(t.Context(), mutants)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.verdict != want[i].verdict || r.by != want[i].by {
			t.Errorf("%s: %s by %q, want %s by %q\n%s", r.mutant.name, r.verdict, r.by, want[i].verdict, want[i].by, r.detail)
		}
	}
}

func scratchModule(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "go.mod"), "module scratch\n\ngo 1.26\n")
	write(t, filepath.Join(root, "sum.go"), `package scratch

import "os"

func sum(a, b int) int {
	return a + b
}

// seldom is right in the first process that asks.
func seldom(a, b int) int {
	if os.Mkdir("asked", 0o700) == nil {
		return a + b
	}
	return a - b
}
`)
	write(t, filepath.Join(root, "sum_test.go"), `package scratch

import (
	"testing"
	"time"
)

func TestSum(t *testing.T) {
	// A live timer keeps the runtime from seeing a hang as a deadlock.
	defer time.AfterFunc(time.Hour, func() {}).Stop()
	t.Run("small", func(t *testing.T) {
		if sum(1, 2) != 3 {
			t.Error("wrong")
		}
	})
}

func TestAlwaysRed(t *testing.T) { t.Error("red") }
`)
	return root
}

func sumEdit(line string) []edit {
	return []edit{{"sum.go", []string{"\treturn a + b"}, []string{"\t" + line}}}
}

func TestTableAndErrorNameWhatWasMissed(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := showResults(&out, []result{
		{mutant: mutant{name: "good"}, verdict: caught, by: "TestA", took: 1500 * time.Millisecond},
		{mutant: mutant{name: "bad", path: "p/bad.mutant", run: "TestB", why: "money is lost"}, verdict: survived},
	})
	if err == nil {
		t.Error("a survivor is no error")
	}
	for _, want := range []string{"good", "TestA", "1.5s", "p/bad.mutant: SURVIVED (TestB)", "money is lost", "1 of 2 mutants caught"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestNoMutantsIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := choose(t.TempDir(), ""); err == nil {
		t.Error("a folder without mutants passed")
	}
}

func TestFirstErrorEndsTheRest(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	err := each(t.Context(), 1000, func(ctx context.Context, i int) error {
		if i == 0 {
			return bad
		}
		<-ctx.Done() // Waits for ever, unless the first one's error cancels it.
		return ctx.Err()
	})
	if !errors.Is(err, bad) {
		t.Errorf("error is %v, want %v", err, bad)
	}
}

func TestPartsHaveEachMutantOnce(t *testing.T) {
	var all []mutant
	for i := range 10 {
		all = append(all, mutant{name: string(rune('a' + i))})
	}
	seen := map[string]int{}
	for _, part := range []string{"1/3", "2/3", "3/3"} {
		chosen, others, err := split(all, part)
		if err != nil || len(chosen)+len(others) != len(all) {
			t.Fatalf("part %s: %d chosen, %d others, %v", part, len(chosen), len(others), err)
		}
		for _, m := range chosen {
			seen[m.name]++
		}
	}
	for _, m := range all {
		if seen[m.name] != 1 {
			t.Errorf("mutant %s is in %d parts", m.name, seen[m.name])
		}
	}
	for _, bad := range []string{"", "0/3", "4/3", "a/b", "3"} {
		if _, _, err := split(all, bad); err == nil {
			t.Errorf("part %q is accepted", bad)
		}
	}
}

func TestOthersAreLookedAt(t *testing.T) {
	h := hunt{root: scratchModule(t)}
	found := h.staleOf([]mutant{
		{name: "fits", edits: sumEdit("return a - b")},
		{name: "gone", edits: []edit{{"sum.go", []string{"\treturn b + a"}, []string{"\treturn a"}}}},
	})
	if len(found) != 1 || found[0].mutant.name != "gone" || found[0].verdict != stale {
		t.Errorf("found %v, want gone as stale", found)
	}
}
