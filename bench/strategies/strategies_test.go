package strategies_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/necrostack/necrostack/bench/measure"
	"github.com/necrostack/necrostack/bench/strategies"
	"github.com/necrostack/necrostack/supervision"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func quiet(string) {}

// TestStrategiesDoWhatTheyAreNamedFor takes one cell of each strategy and fault. Of a thousand failing events 500
// need more than the three attempts, 250 of them for ever.
func TestStrategiesDoWhatTheyAreNamedFor(t *testing.T) {
	t.Parallel()
	c := strategies.Config{Rounds: 1, Duration: 150 * time.Millisecond, Rate: 2000, Policy: strategies.Policy()}
	for _, fault := range []strategies.Fault{strategies.Errors, strategies.Panics, strategies.Timeouts} {
		for strategy, want := range map[supervision.Strategy]struct{ lost, dead, retried, redelivered float64 }{
			supervision.Log:   {500, 0, 1500, 0},
			supervision.Store: {0, 500, 1500, 0},
			supervision.Nack:  {0, 250, 1500, 1750},
		} {
			cell := strategies.Cell{Strategy: strategy, Fault: fault, PerMille: 100}
			t.Run(cell.String(), func(t *testing.T) {
				t.Parallel()
				r, err := strategies.Run(t.Context(), c, []strategies.Cell{cell}, quiet)
				require.NoError(t, err)
				row := r.Rows[0]
				require.Positive(t, row.Rounds[0].Counts.Failing)
				check := func(what string, want float64, f func(strategies.Counts) int) {
					assert.InDelta(t, want, row.PerFailing(f), 150, what)
				}
				check("lost", want.lost, func(c strategies.Counts) int { return c.Lost })
				check("dead", want.dead, func(c strategies.Counts) int { return c.Dead })
				check("retried", want.retried, func(c strategies.Counts) int { return c.Retried })
				assert.InDelta(t, want.redelivered, row.PerFailing(func(c strategies.Counts) int { return c.Redelivered }), 500)
				m := row.Rounds[0]
				assert.Equal(t, 300, m.Paced.Events)
				assert.EqualValues(t, 300, m.Latency.Count)
				// On a busy machine a sound event may run into the timeout.
				assert.InDelta(t, 300-m.Paced.Failing, m.Sound.Count, 8)
				assert.Positive(t, row.Rate().Median)
			})
		}
	}
}

func TestCellsAreAllCombinationsAndOneWithoutFailures(t *testing.T) {
	t.Parallel()
	cells := strategies.Cells()
	assert.Len(t, cells, 1+3*3*3)
	assert.Zero(t, cells[0].PerMille)
	names := map[string]bool{}
	for _, c := range cells {
		names[c.String()] = true
	}
	assert.Len(t, names, len(cells))
	assert.Contains(t, names, "nack, 0.1 % timeouts")
}

func TestRowsAreComparedWithinARound(t *testing.T) {
	t.Parallel()
	row := func(took ...time.Duration) (r strategies.Row) {
		for _, d := range took {
			r.Rounds = append(r.Rounds, strategies.Measured{
				Full: measure.Sample{Events: 100, Took: d}, Counts: strategies.Counts{Failing: 3, Lost: 1}, Paced: strategies.Counts{Failing: 1, Lost: 1},
			})
		}
		return r
	}
	a, b := row(20, 400), row(10, 200)
	assert.InDelta(t, 0.5, a.Against(b).High, 1e-9)
	assert.InDelta(t, 500, a.PerFailing(func(c strategies.Counts) int { return c.Lost }), 1e-9)
	assert.Zero(t, strategies.Row{}.PerFailing(func(c strategies.Counts) int { return c.Lost }))
}
