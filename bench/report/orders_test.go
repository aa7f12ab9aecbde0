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

	"github.com/necrostack/necrostack/bench/growth"
	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/orders"
	"github.com/necrostack/necrostack/bench/orders/bare"
	"github.com/necrostack/necrostack/bench/orders/flow"
	"github.com/necrostack/necrostack/bench/orders/through"
	"github.com/necrostack/necrostack/bench/report"
	"github.com/necrostack/necrostack/bench/strategies"
	"github.com/necrostack/necrostack/supervision"
)

func quantiles(unit time.Duration) latency.Quantiles {
	return latency.Quantiles{Count: 1000, Mean: unit, P50: unit, P90: 2 * unit, P99: 3 * unit, P999: 4 * unit, P9999: 5 * unit, Max: 6 * unit}
}

func bookRow(name string, k bare.Kind, took, single time.Duration) bare.Row {
	return bare.Row{Name: name, Kind: k, Samples: samples(took, 2*took), Singles: []latency.Quantiles{quantiles(single), quantiles(2 * single)}}
}

func point(rate, done float64, unit time.Duration) through.Point {
	return through.Point{
		Rate: rate, Achieved: done, Latency: quantiles(unit), Lag: quantiles(unit / 10),
		Curve:  []latency.Mark{{Odds: 2, Value: unit}, {Odds: 100, Value: 3 * unit}},
		Depths: []through.Depth{{At: time.Second, Unfinished: 10, InFlight: 20, Ready: 0}, {At: 2 * time.Second, Unfinished: 30, InFlight: 40, Ready: 4}},
	}
}

func loaded() orders.Result {
	c := orders.Defaults()
	return orders.Result{
		Config: c,
		Books: &bare.Result{
			Name: "own operations", Fill: 10, Ops: 1000, Want: flow.Totals{Trades: 7, Resting: 3},
			Rows:   []bare.Row{bookRow("engine", bare.Engine, 120, 90), bookRow("floor", bare.Floor, 60, 60)},
			Clocks: []latency.Quantiles{quantiles(30)},
		},
		Stick: &bare.Result{
			Name: "the yardstick's operations",
			Rows: []bare.Row{bookRow("engine", bare.Engine, 100, 0), bookRow("stick", bare.Yardstick, 80, 0)},
		},
		Memory: &growth.Memory{Step: 1_000_000, Heap: []uint64{1_000_000, 9_000_000, 9_000_000, 9_000_000}},
		Closed: []through.Row{
			{Name: "direct", Kind: through.Direct, Samples: samples(100, 200), Matched: samples(100, 200)},
			{Name: "organ", Kind: through.Organ, Samples: samples(500, 1000), Matched: samples(400, 800)},
		},
		Open: []through.Sweep{{
			Name: "organ", Kind: through.Organ, Closed: 4000,
			Points: []through.Point{point(1000, 1000, time.Millisecond), point(2000, 2000, 2*time.Millisecond), point(4000, 3000, time.Second)},
		}},
	}
}

func TestLoadTestIsTold(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, report.Orders(loaded(), measured().Facts).Text(&b))
	for _, want := range []string{
		`speed against the yardstick's +0\.70 +1\.00 +0\.80 \(0\.80–0\.80\) +must`,
		`engine +180\.0 +120–240 +6\.25 M +2\.7500 +0\.50 \(0\.50–0\.50\)`,
		`stick +120\.0 +80–160 +9\.37 M +– +1\.00`,
		`engine +135 +405 +540 +1\.50 +1\.50 +1\.50 \(1\.50–1\.50\)`,
		`the clock alone +30 +90 +120`,
		`organ +1\.50 M +1\.00 M–2\.00 M +1500 +2\.8 +1\.88 M +0\.20 \(0\.20–0\.20\) +0\.25`,
		`1 k +1 k +1\.00 ms +2\.00 ms +3\.00 ms +4\.00 ms +5\.00 ms +6\.00 ms +100 µs +300 µs`,
		`4 k +3 k +1\.00 s`,
		`Knee: 2 k orders/s, .*; 50 % of the closed loop`,
		`1 k +20 +30 +30 +40 +2 +4`,
		`3\.00 M +9000`,
	} {
		assert.Regexp(t, want, b.String())
	}
}

func TestLoadTestIsSavedWithItsCharts(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	d := report.Orders(loaded(), measured().Facts)
	require.NoError(t, d.Save(folder))
	text, err := os.ReadFile(filepath.Join(folder, "ORDERS.md"))
	require.NoError(t, err)
	for _, want := range []string{"`go run .`", "a processor, 2 cores", "commit: abc", "## Targets", "## Books", "## Open loop: organ"} {
		assert.Contains(t, string(text), want)
	}
	for _, chart := range []string{"orders-memory.svg", "orders-organ-latency.svg", "orders-organ-throughput.svg", "orders-organ-queues.svg"} {
		assert.Contains(t, string(text), "(results/"+chart+")")
		svg, err := os.ReadFile(filepath.Join(folder, "results", chart))
		require.NoError(t, err)
		assert.Contains(t, string(svg), "<svg")
	}
	file := filepath.Join(folder, "all.json")
	require.NoError(t, d.JSON(file))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var back orders.Result
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, loaded().Open, back.Open)
	assert.Equal(t, loaded().Books, back.Books)
}

func TestPartsOfTheLoadTestThatWereNotMeasuredAreNotTold(t *testing.T) {
	t.Parallel()
	r := loaded()
	r.Stick, r.NoStick, r.Memory, r.Closed, r.Open = nil, "there is none", nil, nil, nil
	var b bytes.Buffer
	require.NoError(t, report.Orders(r, report.Facts{}).Text(&b))
	assert.Contains(t, b.String(), "Not beside the yardstick: there is none.")
	assert.NotContains(t, b.String(), "Memory")
	assert.NotContains(t, b.String(), "Latency by rate")
	assert.NotContains(t, b.String(), "direct send")
}

func TestStrategiesStandSideBySide(t *testing.T) {
	t.Parallel()
	row := func(c strategies.Cell, took time.Duration, counts strategies.Counts) strategies.Row {
		return strategies.Row{Cell: c, Rounds: []strategies.Measured{{
			Full: samples(took)[0], Counts: counts, Latency: quantiles(time.Millisecond), Sound: quantiles(time.Microsecond),
		}}}
	}
	nack := strategies.Cell{Strategy: supervision.Nack, Fault: strategies.Panics, PerMille: 100}
	log := strategies.Cell{Strategy: supervision.Log, Fault: strategies.Errors, PerMille: 1}
	r := strategies.Result{Config: strategies.Defaults, Rows: []strategies.Row{
		row(strategies.Cells()[0], 100, strategies.Counts{}),
		row(log, 200, strategies.Counts{Failing: 10, Lost: 5, Retried: 15}),
		row(nack, 400, strategies.Counts{Failing: 10, Dead: 2, Retried: 15, Redelivered: 17}),
	}}
	folder := t.TempDir()
	d := report.Strategies(r, measured().Facts)
	var b bytes.Buffer
	require.NoError(t, d.Text(&b))
	for _, want := range []string{
		`no failures +10\.00 M .* 1\.00 +0 +0 +0 +0`,
		`log, 0\.1 % +5\.00 M .* 0\.50 +500 +0 +1500 +0 +1\.00 ms +3\.00 ms +1\.00 µs +3\.00 µs`,
		`nack, 10 % +2\.50 M .* 0\.25 +0 +200 +1500 +1700`,
	} {
		assert.Regexp(t, want, b.String())
	}
	require.NoError(t, d.Save(folder))
	text, err := os.ReadFile(filepath.Join(folder, "STRATEGIES.md"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "### Failing by panics")
}
