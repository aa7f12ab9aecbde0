package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// atOnce bounds the go commands that run side by side. Each builds and tests
// on several cores already; more than two only slow one another down, and slow
// tests run into their timeouts.
const atOnce = 2

// verdict says what became of a mutant.
type verdict string

const (
	caught   verdict = "caught"
	survived verdict = "SURVIVED"
	stale    verdict = "STALE"    // its old lines are not in the code any more
	broken   verdict = "BROKEN"   // it does not compile
	baseless verdict = "BASELESS" // its tests fail, or are missing, without it
)

type result struct {
	mutant  mutant
	verdict verdict
	by      string // the test that noticed
	detail  string // for people, when it was not caught
	took    time.Duration
}

// hunt runs mutants against their tests.
type hunt struct {
	root     string
	timeout  time.Duration
	progress io.Writer // one line per finished mutant
	work     string    // temporary folder, made and removed by all
}

// suite is what the unmutated code is tested with, once for all mutants that
// share it.
type suite struct{ pkg, run string }

// all returns one result per mutant, in order. It stops early only when ctx
// ends or the go command cannot be run.
func (h hunt) all(ctx context.Context, mutants []mutant) ([]result, error) {
	work, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	h.work = work
	faults, err := h.baselines(ctx, mutants)
	if err != nil {
		return nil, err
	}
	results := make([]result, len(mutants))
	err = each(ctx, len(mutants), func(ctx context.Context, i int) error {
		m := mutants[i]
		r, err := h.one(ctx, m, filepath.Join(h.work, strconv.Itoa(i)), faults[suite{m.pkg, m.run}])
		results[i] = r
		if err == nil {
			fmt.Fprintf(h.progress, "mutate: %s %s %s\n", m.name, r.verdict, r.by)
		}
		return err
	})
	return results, err
}

// baselines tests the code as it is, and returns what is wrong per suite.
func (h hunt) baselines(ctx context.Context, mutants []mutant) (map[suite]string, error) {
	faults := make(map[suite]string)
	var suites []suite
	for _, m := range mutants {
		s := suite{m.pkg, m.run}
		if _, seen := faults[s]; !seen {
			faults[s] = ""
			suites = append(suites, s)
		}
	}
	found := make([]string, len(suites))
	err := each(ctx, len(suites), func(ctx context.Context, i int) error {
		r, err := h.test(suites[i], "").do(ctx)
		found[i] = baselineFault(r)
		fmt.Fprintf(h.progress, "mutate: %s %s without mutants, tests run: %d\n", suites[i].pkg, suites[i].run, r.ran)
		return err
	})
	for i, s := range suites {
		faults[s] = found[i]
	}
	return faults, err
}

// baselineFault says why failures of this suite would prove nothing, or
// nothing.
func baselineFault(r report) string {
	switch {
	case r.failed:
		return "the tests fail without the mutant:\n" + r.tail(20)
	case r.ran == 0:
		return "no test matches"
	default:
		return ""
	}
}

// one judges a single mutant. Stale and broken ones are results, not errors.
func (h hunt) one(ctx context.Context, m mutant, dir, fault string) (res result, err error) {
	res.mutant = m
	if fault != "" {
		res.verdict, res.detail = baseless, fault
		return res, nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return res, err
	}
	overlay, err := writeOverlay(h.root, dir, m.edits)
	if errors.Is(err, errStale) {
		res.verdict, res.detail = stale, err.Error()
		return res, nil
	}
	if err != nil {
		return res, err
	}
	start := time.Now()
	defer func() { res.took = time.Since(start) }()
	for n := 1; n <= goes; n++ {
		r, err := h.test(suite{m.pkg, m.run}, overlay).do(ctx)
		if err != nil {
			return res, err
		}
		res.verdict, res.by, res.detail = judge(r)
		if res.verdict != survived {
			if n > 1 {
				res.by += fmt.Sprintf(" (go %d)", n)
			}
			break
		}
	}
	return res, nil
}

// goes is how often a test may miss a mutant: one that draws its cases may. The table says which did.
const goes = 3

// staleOf returns a result for each of the mutants that is stale. None is run.
func (h hunt) staleOf(mutants []mutant) []result {
	var found []result
	for _, m := range mutants {
		if _, err := mutated(h.root, m.edits); err != nil {
			found = append(found, result{mutant: m, verdict: stale, detail: err.Error()})
		}
	}
	return found
}

// judge turns a report about mutated code into a verdict.
func judge(r report) (v verdict, by, detail string) {
	switch {
	case !r.built:
		return broken, "", r.tail(20)
	case !r.failed:
		return survived, "", ""
	default:
		return caught, r.blame(), ""
	}
}

func (h hunt) test(s suite, overlay string) goTest {
	return goTest{root: h.root, pkg: s.pkg, run: s.run, overlay: overlay, timeout: h.timeout, work: h.work}
}

// each calls do for 0 to n-1, at most atOnce side by side, and waits for all.
// The first error cancels the rest.
func each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	free := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range n {
		free <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() { // Ends with do, which ends with ctx.
			defer func() { <-free }()
			if err := do(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
