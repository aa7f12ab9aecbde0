package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/chain"
	"github.com/necrostack/necrostack/bench/growth"
	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/report"
)

func samples(took ...time.Duration) []measure.Sample {
	var all []measure.Sample
	for _, d := range took {
		all = append(all, measure.Sample{Events: 1000, Took: d * time.Microsecond, CPU: 2 * d * time.Microsecond, Mallocs: 2750, Bytes: 300_000})
	}
	return all
}

// measured is a report of three rounds in which the second was twice as slow for all.
func measured() report.Report {
	return report.Report{
		Facts: report.Facts{
			Command: "go run .", Time: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC), Took: time.Minute,
			CPU: "a processor", Cores: 2, System: "linux/amd64", Go: "go1.26", Commit: "abc",
			Peers: map[string]string{"github.com/ThreeDotsLabs/watermill": "v1.5.1"},
		},
		Chain: &chain.Result{
			Config: chain.Config{Starts: 250, Rounds: 3, Window: 64, Batch: 16}, Own: 1.75,
			Rows: []chain.Row{
				{Name: "ours", Kind: chain.Ours, Samples: samples(400, 800, 400)},
				{Name: "actors", Kind: chain.Direct, Samples: samples(200, 400, 200)},
				{Name: "pipes", Kind: chain.Channels, Samples: samples(100, 200, 100)},
				{Name: "mill", Kind: chain.Watermill, Samples: samples(8000, 16000, 8000)},
			},
		},
		Growth: &growth.Result{Curves: []growth.Curve{
			{Name: "organs", Unit: "organs", About: "More and more.", Flat: true, Dots: []growth.Dot{
				{At: 1, Label: "1", Samples: samples(100, 200, 100)}, {At: 10, Label: "10", Samples: samples(160, 320, 160)},
			}},
		}},
		Memory: &growth.Memory{Step: 1_000_000, Heap: []uint64{1_000_000, 9_000_000, 9_000_000, 9_000_000}},
	}
}

func TestTablesSayWhatWasMeasured(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, measured().Document().Text(&b))
	got := b.String()
	for _, want := range []string{
		`ours +2\.50 M +1\.25 M–2\.50 M +400 +800 +2\.75 +1\.00 +0\.50 +0\.25 +20\.0`,
		`direct sends between actors +0\.35 +0\.60 +0\.50 \(0\.50–0\.50\) +must`,
		`buffered channels +0\.25 +0\.40 +0\.25 \(0\.25–0\.25\) +must`,
		`Watermill, its best setting +12\.0 +25\.0 +20\.0 \(20\.0–20\.0\) +must`,
		`allocations per hop, at most +2\.00 +1\.00 +1\.00 \(1\.00–1\.00\) +goal`,
		`10 +320 +320–640 +160 +2\.75 +300 +1\.60 \(1\.60–1\.60\)`,
		`Highest: 1\.60, MISSED`,
		`3\.00 M +9000`,
	} {
		assert.Regexp(t, want, got)
	}
}

func TestSaveWritesResultsAndCharts(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, measured().Document().Save(folder))
	text, err := os.ReadFile(filepath.Join(folder, "RESULTS.md"))
	require.NoError(t, err)
	for _, want := range []string{
		"Read ratios, not numbers", "`go run .`", "a processor, 2 cores", "commit: abc", "watermill v1.5.1",
		"| ours | 2.50 M |", "## Growth", "## Memory",
	} {
		assert.Contains(t, string(text), want)
	}
	for _, chart := range []string{"chain.svg", "growth.svg", "memory.svg"} {
		assert.Contains(t, string(text), "(results/"+chart+")")
		svg, err := os.ReadFile(filepath.Join(folder, "results", chart))
		require.NoError(t, err)
		assert.Contains(t, string(svg), "<svg")
	}
}

func TestPartsThatWereNotMeasuredAreNotTold(t *testing.T) {
	t.Parallel()
	r := measured()
	r.Chain, r.Growth = nil, nil
	var b bytes.Buffer
	require.NoError(t, r.Document().Text(&b))
	assert.NotContains(t, b.String(), "Chain")
	assert.Contains(t, b.String(), "Memory")
}

func TestJSONHoldsEverySample(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "samples.json")
	require.NoError(t, measured().Document().JSON(file))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var back report.Report
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, measured(), back)
}

func TestFactsAreGathered(t *testing.T) {
	t.Parallel()
	f := report.Gather("go run .", time.Now())
	assert.Positive(t, f.Cores)
	assert.NotEmpty(t, f.Commit)
	assert.Contains(t, f.Go, "go1.")
}
