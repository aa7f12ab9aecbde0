package report

import (
	"fmt"

	"github.com/necrostack/necrostack/bench/chain"
	"github.com/necrostack/necrostack/bench/measure"
)

// Contest is the table of the chain.
func Contest(r chain.Result) Table {
	t := Table{
		Title: "Chain A→B→C→D, hops per second",
		About: fmt.Sprintf("Medians of %d rounds, lowest and highest in between. Ratios are medians of the ratios within a round. "+
			"Up to %d starts in flight, published in batches of %d, where the name does not say otherwise.",
			r.Config.Rounds, r.Config.Window, r.Config.Batch),
		Head: []string{"contestant", "hops/s", "low–high", "ns/hop", "CPU ns/hop", "allocs/hop", "beyond handlers",
			"× direct sends", "× channels", "× Watermill"},
		Note: fmt.Sprintf("The handlers of the chain allocate %.2f per hop themselves: their payloads. "+
			"Watermill is its fastest row. CPU is of all processors, the collector's share included: where it is about as much as ns/hop, "+
			"the neighbours left one processor of the machine.", r.Own),
	}
	for _, row := range r.Rows {
		s := row.Rate()
		beyond := "–"
		if row.Kind == chain.Ours {
			beyond = fmt.Sprintf("%.2f", row.Median(measure.Sample.Allocs)-r.Own)
		}
		t.Rows = append(t.Rows, []string{
			row.Name, rate(s.Median), bounds(s, rate), whole(row.Median(measure.Sample.Cost)), whole(row.Median(measure.Sample.Work)),
			fmt.Sprintf("%.2f", row.Median(measure.Sample.Allocs)), beyond,
			times(r.Ratio(row, chain.Direct).Median), times(r.Ratio(row, chain.Channels).Median), times(r.Ratio(row, chain.Watermill).Median),
		})
	}
	return t
}

// Targets is the table of what the chain has promised.
func Targets(r chain.Result) Table {
	t := Table{
		Title: "Targets",
		Head:  []string{"against", "must", "goal", "got (low–high)", "met"},
	}
	head, ok := r.Headline()
	if !ok {
		return t
	}
	t.About = fmt.Sprintf("For “%s”.", head.Name)
	for _, x := range chain.Targets {
		got := r.Got(x)
		t.Rows = append(t.Rows, []string{x.What, times(x.Must), times(x.Goal), spread(got), string(x.Judge(got.Median))})
	}
	return t
}
