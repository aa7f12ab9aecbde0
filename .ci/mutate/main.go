// Command mutate makes deliberate mistakes in the code and demands that the
// tests notice each of them.
//
// A mutant is a text file in a testdata/mutants folder next to the code:
//
//	package: ./spine
//	run: TestSimulation
//	file: spine/ledger.go
//	why: an event would be acknowledged before its last organ is done
//	--- old
//		if open > 0 {
//	--- new
//		if open > 1 {
//	--- end
//
// More hunks may follow, and another "file:" for another file. The old lines
// must stand exactly once in the file, whole and with their indentation;
// otherwise the mutant is stale, which is a failure too. The mutated copy lives
// in a temporary folder and reaches the compiler as an overlay, so the working
// tree is never touched.
//
//	go run ./.ci/mutate              all mutants
//	go run ./.ci/mutate -run ledger  those whose name matches
//	go run ./.ci/mutate -part 2/3    every third of them, and whether any of the others is stale
//	go run ./.ci/mutate -list        names and reasons
//
// Caught means that a test failed, crashed or hung. A mutant that does not
// compile proves nothing and is reported as broken. First the tests run on the
// code as it is: where they fail already, or none is selected, a failure on a
// mutant would prove nothing either.
//
// # Decisions
//
// Mutants are written by hand. Alternative: generated ones. Each of ours stands
// for a mistake somebody could make in a promise we give, and says which; a
// generator yields thousands that are equivalent, and a score instead of a list.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	// Interrupt and termination end the running tests, and the temporary folder.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("mutate", flag.ExitOnError)
	filter := flags.String("run", "", "only mutants whose name matches this expression")
	part := flags.String("part", "1/1", "of the mutants chosen, part `k/n`: each n-th from the k-th on; the others are only looked at")
	list := flags.Bool("list", false, "list the mutants instead of running them")
	timeout := flags.Duration("timeout", 2*time.Minute, "time for the tests on one mutant")
	flags.Parse(args)
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	mutants, err := choose(root, *filter)
	if err != nil {
		return err
	}
	if *list {
		return showList(out, mutants)
	}
	mutants, others, err := split(mutants, *part)
	if err != nil {
		return err
	}
	h := hunt{root: root, timeout: *timeout, progress: os.Stderr}
	results, err := h.all(ctx, mutants)
	if err != nil {
		return err
	}
	return showResults(out, append(results, h.staleOf(others)...))
}

// choose returns the mutants whose name matches. None is an error: a check
// that checks nothing must not look like one that passed.
func choose(root, filter string) ([]mutant, error) {
	pattern, err := regexp.Compile(filter)
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	all, err := findMutants(root)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("no mutants: no testdata/mutants folder holds a *.mutant file")
	}
	var chosen []mutant
	for _, m := range all {
		if pattern.MatchString(m.name) {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("none of %d mutants matches %q", len(all), filter)
	}
	return chosen, nil
}

// split returns part "k/n" of the mutants, and the rest.
func split(all []mutant, part string) (chosen, others []mutant, err error) {
	var k, n int
	if _, err := fmt.Sscanf(part, "%d/%d", &k, &n); err != nil || k < 1 || k > n {
		return nil, nil, fmt.Errorf("-part is %q, want k/n with k from 1 to n", part)
	}
	for i, m := range all {
		if i%n == k-1 {
			chosen = append(chosen, m)
		} else {
			others = append(others, m)
		}
	}
	return chosen, others, nil
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if mod == "" || mod == os.DevNull {
		return "", errors.New("not in a module")
	}
	return filepath.Dir(mod), nil
}

func showList(out io.Writer, mutants []mutant) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MUTANT\tPACKAGE\tTESTS\tWHY")
	for _, m := range mutants {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", m.name, m.pkg, m.run, m.why)
	}
	return table.Flush()
}

// showResults prints the table, then what has to be looked at.
func showResults(out io.Writer, results []result) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MUTANT\tVERDICT\tBY\tTIME")
	var missed []result
	for _, r := range results {
		fmt.Fprintf(table, "%s\t%s\t%s\t%.1fs\n", r.mutant.name, r.verdict, r.by, r.took.Seconds())
		if r.verdict != caught {
			missed = append(missed, r)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range missed {
		fmt.Fprintf(out, "\n%s: %s (%s)\n  why it matters: %s\n", r.mutant.path, r.verdict, r.mutant.run, r.mutant.why)
		if r.detail != "" {
			fmt.Fprintln(out, indent(r.detail))
		}
	}
	fmt.Fprintf(out, "%d of %d mutants caught\n", len(results)-len(missed), len(results))
	if len(missed) > 0 {
		return fmt.Errorf("%d mutants not caught", len(missed))
	}
	return nil
}

func indent(text string) string {
	return "  | " + strings.ReplaceAll(text, "\n", "\n  | ")
}
