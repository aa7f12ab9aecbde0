package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// Reports are made for a terminal of 100 columns.
const (
	width = 100
	// How many are listed.
	storyLimit  = 100
	letterLimit = 12
	alertLimit  = 12
	symbolLimit = 12
	bookLimit   = 6
)

func (a *app) printf(format string, args ...any) {
	// Nobody can be told that telling does not work; what happened is in the event log.
	_, _ = fmt.Fprintf(a.out, format, args...)
}

func (a *app) heading(text string) { a.printf("\n%s\n", a.colour.bold(text)) }

func (a *app) printHead(what string) {
	a.printf("%s %s\n", a.colour.bold("NecroStack trading desk:"), what)
	if a.house != nil {
		a.printf("      clearing house at %s, started for this run\n", a.house.URL())
	}
}

// printStories lists the input, with what became of it.
func (a *app) printStories() {
	list, more := a.floor.stories.list()
	a.heading("   #  order   trader   what was asked                      what happened")
	for i, x := range list[:min(len(list), storyLimit)] {
		a.printStory(strconv.Itoa(i+1), &x)
	}
	if more += max(0, len(list)-storyLimit); more > 0 {
		a.printf("      … and %s more\n", console.Grouped(more))
	}
	a.printf("%s\n", a.colour.dim("      ✓ filled   ◐ filled in part   • in the book   – cancelled   ✗ refused or rejected"))
}

// askedWidth is the column of what was asked.
const askedWidth = 33

func (a *app) printStory(name string, x *story) {
	asked := phrase(desk.Command(x.Asked))
	if x.Row != nil {
		asked = x.Row.Text
	}
	head := fmt.Sprintf("%4s  %s%s%s", name, pad(console.Clip(x.Asked.OrderID, 7), 8), pad(console.Clip(x.Asked.TraderID, 8), 9), pad(console.Clip(asked, askedWidth), askedWidth))
	a.printTold(head, x.tell())
}

// printTold prints what happened behind head, in as many lines as it takes.
func (a *app) printTold(head string, all []told) {
	blank := strings.Repeat(" ", console.Length(head))
	for _, t := range all {
		m := a.paint(t.mark)
		for _, line := range console.Wrap(t.String(), width-console.Length(head)-3) {
			a.printf("%s\n", strings.TrimRight(head+" "+m+" "+line, " "))
			head, m = blank, " "
		}
	}
}

func (a *app) paint(m mark) string {
	switch m {
	case markFilled:
		return a.colour.green(string(m))
	case markPartial:
		return a.colour.yellow(string(m))
	case markResting:
		return a.colour.cyan(string(m))
	case markRejected:
		return a.colour.red(string(m))
	default:
		return a.colour.dim(string(m))
	}
}

// printReport prints what does not depend on the mode: books, symbols, alerts, dead letters, organs.
func (a *app) printReport(s sight) error {
	a.printBooks(s)
	if err := a.printSymbols(s); err != nil {
		return err
	}
	a.printAlerts()
	n, err := a.printLetters()
	if err != nil {
		return err
	}
	stats := a.floor.spine.Stats()
	a.printOrgans(stats)
	a.printAudit(s.audits)
	_, all := a.floor.record.counted()
	a.printf("\n%s settled, %s retried, %s.\n", console.Plural(all, "event"), console.Plural(stats.Retries, "attempt"), console.Plural(n, "dead letter"))
	return nil
}

func (a *app) printBooks(s sight) {
	if len(s.books) == 0 {
		return
	}
	open := slices.DeleteFunc(slices.Clone(s.books), func(b book) bool { return len(b.depth.Bids)+len(b.depth.Asks)+b.state.Parked == 0 })
	a.heading("Books")
	if len(open) == 0 {
		a.printf("      all of them are empty\n")
	} else {
		a.printf("%s\n", a.colour.dim(ladderHead))
	}
	for _, b := range open[:min(len(open), bookLimit)] {
		a.printBook(b)
	}
	if more := len(open) - bookLimit; more > 0 {
		a.printf("      … and %s more\n", console.Plural(more, "book"))
	}
	if differ := slices.IndexFunc(s.books, func(b book) bool { return !b.agrees }); differ >= 0 {
		a.printf("      %s BOOK_CHANGED, replayed, gives another depth of %s\n", a.colour.red("✗"), s.books[differ].depth.Symbol)
		return
	}
	if slices.ContainsFunc(s.books, func(b book) bool { return a.floor.feed.knows(b.depth.Symbol) }) {
		a.printf("      %s BOOK_CHANGED, replayed, gives the same depth\n", a.colour.green("✓"))
	}
}

func (a *app) printBook(b book) {
	spec, _ := a.floor.desk.Spec(b.depth.Symbol)
	for _, line := range (ladder{b.depth, spec, a.ladderRows, a.colour}).draw() {
		a.printf("%s\n", line)
	}
	if n := b.state.Parked; n > 0 {
		verb := "wait"
		if n == 1 {
			verb = "waits"
		}
		a.printf("      %s %s for a price\n", console.Plural(n, "stop"), verb)
	}
}

func (a *app) printSymbols(s sight) error {
	books := a.floor.record.books()
	const columns = "  %-8s %6s %8s %7s %9s %7s %7s %9s %7s %6s %14s"
	a.heading("Symbols" + fmt.Sprintf(columns, "", "orders", "rejected", "filled", "cancelled", "resting", "trades", "volume", "settled", "failed", "amount")[len("Symbols"):])
	line := func(name string, t *turnover, resting int) {
		a.printf(columns+"\n", console.Clip(name, 8), console.Grouped(t.Orders), console.Grouped(t.Rejected), console.Grouped(t.Filled), console.Grouped(t.Cancelled),
			console.Grouped(resting), console.Grouped(t.Trades), console.Grouped(int(t.Traded)), console.Grouped(t.Settled), console.Grouped(t.Failed), t.Amount)
	}
	names := books.names()
	for _, name := range names[:min(len(names), symbolLimit)] {
		state := s.of(name)
		line(name, books.Symbols[name], state.Live+state.Parked)
	}
	total, err := books.total()
	if err != nil {
		return err
	}
	line("all", &total, s.resting())
	if a.house != nil {
		t := a.house.Tally()
		a.printf("      clearing house: %s settled, %s refused, %s repeated; fees %s\n",
			console.Plural(t.Settled, "trade"), console.Grouped(t.Refused), console.Grouped(t.Repeated), total.Fees)
		a.printf("      it was asked %s and turned away %s of these\n", console.Times(t.Requests+t.TurnedAway), console.Grouped(t.TurnedAway))
	}
	return nil
}

func (a *app) printAlerts() {
	list, total := a.floor.record.alerted()
	if total == 0 {
		return
	}
	a.heading(fmt.Sprintf("Alerts (%s)", console.Grouped(total)))
	for _, x := range list[:min(len(list), alertLimit)] {
		a.printf("  %s %-9s %-8s %-18s is at %s, the limit is %s (trade %s)\n", a.colour.yellow("!"), console.Clip(x.TraderID, 9), x.Symbol,
			x.Reason, x.Value, x.Limit, x.TradeID)
	}
	if more := total - min(len(list), alertLimit); more > 0 {
		a.printf("      … and %s more\n", console.Grouped(more))
	}
}

// printLetters lists dead letters in the order of their source and returns how many there are.
func (a *app) printLetters() (int, error) {
	n, _, err := a.floor.letters.Count(context.Background())
	if n == 0 || err != nil {
		return n, err
	}
	letters, err := a.floor.dead(context.Background(), letterLimit)
	if err != nil {
		return n, err
	}
	slices.SortStableFunc(letters, func(x, y supervision.DeadLetter) int {
		return cmp.Or(cmp.Compare(sourceLine(x), sourceLine(y)), cmp.Compare(x.Organ, y.Organ),
			cmp.Compare(console.LetterKey(x), console.LetterKey(y)))
	})
	a.heading(fmt.Sprintf("Dead letters (%s)", console.Grouped(n)))
	for i, l := range letters {
		a.printLetter(strconv.Itoa(i+1), l)
	}
	if more := n - len(letters); more > 0 {
		a.printf("      … and %s more\n", console.Grouped(more))
	}
	return n, nil
}

// sourceLine is the line of a file from which the event of a letter comes, 0 for none.
func sourceLine(l supervision.DeadLetter) int {
	source := console.LetterMeta(l, metaSource)
	n, _ := strconv.Atoi(source[strings.LastIndexByte(source, ' ')+1:])
	return n
}

func (a *app) printLetter(name string, l supervision.DeadLetter) {
	head := fmt.Sprintf("%4s  %-14s  %-10s  %-9s  %-11s  %s", name, l.Organ, console.Clip(console.LetterKey(l), 10), l.Reason,
		console.Plural(l.Attempts, "attempt"), console.LetterMeta(l, metaSource))
	a.printf("%s\n", strings.TrimRight(head, " "))
	a.wrapped("        ", l.Error)
}

func (a *app) printOrgans(stats spine.Stats) {
	a.heading("Organs            handled   failed     dead  retried  breaker        p50        p99        max")
	for _, name := range organNames() {
		o := stats.Organs[name]
		failed := 0
		for _, n := range o.Failures {
			failed += n
		}
		if o.Handled+failed == 0 {
			continue
		}
		a.printf("      %-14s %6s  %7s  %7s  %7s  %-9s %8s   %8s   %8s\n", name, console.Grouped(o.Handled), console.Grouped(failed), console.Grouped(o.DeadLetters),
			console.Grouped(o.Retries), o.Breaker, console.Short(o.Latency.P50), console.Short(o.Latency.P99), console.Short(o.Latency.Max))
	}
}

func (a *app) printAudit(all []audited) {
	if len(all) == 0 {
		return
	}
	a.heading("Audit chains, computed again   events  head")
	for _, x := range all[:min(len(all), symbolLimit)] {
		m := a.colour.green("✓")
		if !x.agrees {
			m = a.colour.red("✗")
		}
		a.printf("  %s %-27s %7s  %.16s…\n", m, console.Clip(x.symbol, 20), console.Grouped(int(x.chain.All.Events)), x.chain.All.Head)
	}
}

// wrapped prints text in lines that fit, each behind indent.
func (a *app) wrapped(indent, text string) {
	for _, line := range console.Wrap(text, width-console.Length(indent)) {
		a.printf("%s%s\n", indent, line)
		indent = strings.Repeat(" ", console.Length(indent))
	}
}
