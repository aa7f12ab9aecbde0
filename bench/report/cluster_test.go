package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/bench/cluster"
	"github.com/necrostack/necrostack/bench/latency"
	"github.com/necrostack/necrostack/bench/load"
	"github.com/necrostack/necrostack/bench/report"
)

// ofNodes is a run of two rounds with round figures.
func ofNodes() cluster.Result {
	cost := func(events int64, main time.Duration) cluster.Cost {
		return cluster.Cost{
			Took: time.Second, Events: events, Nodes: 2 * main, Publisher: main / 10, Busiest: 1.25,
			Server: cluster.Work{CPU: main + main/10, Main: main, Trips: 500, Scripts: 900, Commits: events / 32, In: 400 * events, Out: 400 * events, File: 600 * events},
		}
	}
	row := func(name string, kind cluster.Kind, nodes int, events ...int64) cluster.Row {
		x := cluster.Row{Setting: cluster.Setting{Name: name, Nodes: nodes, Shards: 64, Relay: load.Relay{Places: 4}}, Kind: kind}
		for _, n := range events {
			x.Rounds = append(x.Rounds, cost(n, time.Duration(n)*10*time.Microsecond))
			x.Paced = append(x.Paced, cost(4000, 200*time.Millisecond))
			x.Cold = append(x.Cold, cost(3200, 160*time.Millisecond))
		}
		return x
	}
	ms := time.Millisecond
	c := cluster.Defaults
	c.Rounds = 2
	return cluster.Result{
		Config: c, Server: "7.0.15",
		Loads: []cluster.Row{row("one", cluster.Stateless, 1, 32_000, 64_000), row("four", cluster.Stateless, 4, 16_000, 32_000), row("keys", cluster.Keyed, 4, 8000, 8000)},
		Idles: []cluster.Row{row("at rest", cluster.Resting, 2, 0, 0)},
		Beats: []cluster.Beat{{Members: 50, Shards: 512, Rounds: []cluster.Cost{cost(500, 30*ms)}}},
		Changes: []cluster.Change{
			{Kind: cluster.Killed, Pauses: []time.Duration{2000 * ms, 2400 * ms}}, {Kind: cluster.Joined, Pauses: []time.Duration{50 * ms}},
			{Kind: cluster.Left, Pauses: []time.Duration{100 * ms, 600 * ms}}, {Kind: cluster.Joined, Pauses: []time.Duration{70 * ms}},
		},
		Asks: []cluster.AskRow{{Name: "elsewhere", Rounds: []cluster.AskRound{{
			Asked: cluster.Asked{Quantiles: latency.Quantiles{Count: 100, P50: ms, P99: 5 * ms, Max: 9 * ms}}, With: cost(0, 30*ms), Base: cost(0, 10*ms),
		}}}},
	}
}

func TestClusterTablesSayWhatWasMeasured(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, report.Cluster(ofNodes(), report.Facts{}).Text(&b))
	for _, want := range []string{
		`a lease \(2s\) and a second +3\.00 s +2\.40 s \(2\.40 s–2\.40 s\) +met\n`,
		`last event of the shard on +500 ms +600 ms \(600 ms–600 ms\) +MISSED\n`,
		`four +24 k +16 k–32 k +0\.50 \(0\.50–0\.50\) +750 +32\.0 +24 % +1\.25\n`,
		`one +48 k +32 k–64 k +– +2 k`,
		`four +20\.0 +20\.0–20\.0 +11\.0 +10\.0 +10\.0–10\.0 +1\.00 +800 +600\n`,
		`keys +32\.0 +100 +100–100 +55\.0 +50\.0`,
		`SIGKILL +1 +2 +2\.00 s +2\.00 s +2\.40 s`,
		`join +2 +2 +50\.0 ms +50\.0 ms +70\.0 ms +60\.0 ms \(50\.0 ms–70\.0 ms\)\n`,
		`elsewhere +100 +1\.00 ms +5\.00 ms +9\.00 ms +0\.00 +0\.00 +200\.0 +400\.0 +0\n`,
		`at rest +500 +900 +0\.00 %`,
		`50 nodes, 512 shards +60\.0`,
	} {
		assert.Regexp(t, want, b.String())
	}
}

func TestClusterPageHasOnlyWhatWasMeasured(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, report.Cluster(cluster.Result{Config: cluster.Defaults}, report.Facts{}).Text(&b))
	assert.Empty(t, b.String())
}

func TestFiguresTakeTheirPlaceInAPage(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "SCALE.md")
	figures := report.Scale(ofNodes(), report.Facts{Command: "go run . cluster"})
	require.Error(t, figures.Replace(page), "there is no page")
	require.NoError(t, os.WriteFile(page, []byte("before\n"+report.FiguresBegin+"old\n"), 0o600))
	require.ErrorContains(t, figures.Replace(page), "no place for figures")
	require.NoError(t, os.WriteFile(page, []byte("before\n"+report.FiguresBegin+"old\n"+report.FiguresEnd+"after\n"), 0o600))
	require.NoError(t, figures.Replace(page))
	once, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Regexp(t, `(?s)^before\n<!-- figures.*By .go run \. cluster.*\| e \| 10\.0 \| 20\.0 \| 600 \| 800 \|.*<!-- end of figures -->\nafter\n$`, string(once))
	assert.NotContains(t, string(once), "old\n")
	require.NoError(t, figures.Replace(page))
	twice, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, string(once), string(twice))
}

// TestThePaperOnScaleHasAPlaceForFigures: the program could not write them otherwise.
func TestThePaperOnScaleHasAPlaceForFigures(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../cluster/SCALE.md")
	require.NoError(t, err)
	_, rest, ok := bytes.Cut(text, []byte(report.FiguresBegin))
	require.True(t, ok)
	assert.Contains(t, string(rest), report.FiguresEnd)
}
