package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// Reports are made for a terminal of 100 columns.
const (
	width = 100
	// How many are listed.
	requestLimit = 40
	letterLimit  = 12
)

func (a *app) printf(format string, args ...any) {
	// Nobody can be told that telling does not work; what was sent is in the audit log.
	_, _ = fmt.Fprintf(a.out, format, args...)
}

func (a *app) heading(text string) { a.printf("\n%s\n", text) }

func (a *app) printHead(what string) {
	a.printf("NecroStack notification pipeline: %s\n", what)
	for _, c := range channels {
		if a.local.gate(c) != nil {
			a.printf("      %-6s  %s, started for this run\n", c, a.local.url(c))
		}
	}
}

// printRequests lists the input, with what became of it.
func (a *app) printRequests() {
	list := a.pipeline.outcomes.list()
	a.heading("Requests             ✓ delivered   ✗ dead letter   – the user has no such address")
	for i, x := range list[:min(len(list), requestLimit)] {
		a.printf("%4d  %-8s %-8s  %-36s  %s\n", i+1, console.Clip(cmp.Or(x.Request.UserID, "?"), 8), console.Clip(x.Request.Priority, 8),
			console.Clip(cmp.Or(strings.TrimSpace(x.Request.Message), "(no text)"), 36), x.summary())
	}
	if more := len(a.input.requests) - requestLimit; more > 0 {
		a.printf("      … and %d more\n", more)
	}
	for _, err := range a.input.bad[:min(len(a.input.bad), requestLimit)] {
		a.wrapped("   !  ", fmt.Sprintf("not read: %s, %s", a.source, err))
	}
	if more := len(a.input.bad) - requestLimit; more > 0 {
		a.printf("   !  … and %d more that were not read\n", more)
	}
}

// summary is what became of a request, in a few words.
func (x outcome) summary() string {
	if len(x.Refused) > 0 {
		return "refused, " + console.Plural(len(x.Refused), "reason")
	}
	var parts []string
	for _, c := range channels {
		if e, ok := x.Channels[c]; ok {
			parts = append(parts, fmt.Sprintf("%s %s", c, e))
		}
	}
	if len(parts) == 0 {
		return "under way"
	}
	return strings.Join(parts, "  ")
}

func (e ending) String() string {
	mark := map[status]string{statusDelivered: "✓", statusFailed: "✗", statusUnreachable: "–"}[e.Status]
	if e.Attempts > 1 {
		return fmt.Sprintf("%s %d tries", mark, e.Attempts)
	}
	return mark
}

// printReport prints what does not depend on the mode: channels, dead letters, organs.
func (a *app) printReport(stats spine.Stats) error {
	a.printChannels(stats)
	letters, err := a.pipeline.letters(context.Background())
	if err != nil {
		return err
	}
	a.printLetters(letters)
	a.printOrgans(stats)
	c := a.pipeline.record.counted()
	a.printf("\n%s settled, %s retried, %s, %s added to the audit log.\n",
		console.Plural(c.events, "event"), console.Plural(stats.Retries, "attempt"), console.Plural(len(letters), "dead letter"), console.Plural(a.audit.count(), "row"))
	return nil
}

// book is what one channel was asked for and what it made of it.
type book struct{ requested, delivered, dead int }

func (x *pipeline) book(c channel, stats spine.Stats) book {
	types, name := x.record.counted().types, strings.ToUpper(string(c))
	return book{types[name+"_SEND_REQUESTED"], types[name+"_DELIVERED"], stats.Organs[string(c)].DeadLetters}
}

func (a *app) printChannels(stats spine.Stats) {
	a.heading("Channels      requested   delivered   dead   retried")
	for _, c := range channels {
		b := a.pipeline.book(c, stats)
		a.printf("      %-6s  %9d   %9d   %4d   %7d\n", c, b.requested, b.delivered, b.dead, stats.Organs[string(c)].Retries)
	}
}

// printLetters lists dead letters in the order of their requests.
func (a *app) printLetters(letters []supervision.DeadLetter) {
	if len(letters) == 0 {
		return
	}
	place := map[actors.ID]int{}
	for i, x := range a.pipeline.outcomes.list() {
		place[x.ID] = i
	}
	slices.SortStableFunc(letters, func(x, y supervision.DeadLetter) int {
		return cmp.Or(cmp.Compare(place[console.LetterCorrelation(x)], place[console.LetterCorrelation(y)]), cmp.Compare(x.Organ, y.Organ))
	})
	a.heading(fmt.Sprintf("Dead letters (%d)", len(letters)))
	for i, l := range letters[:min(len(letters), letterLimit)] {
		a.printLetter(strconv.Itoa(i+1), l)
	}
	if more := len(letters) - letterLimit; more > 0 {
		a.printf("      … and %s more\n", console.Grouped(more))
	}
}

func (a *app) printLetter(name string, l supervision.DeadLetter) {
	head := fmt.Sprintf("%4s  %-8s  %-12s  %-9s  %-11s  %s", name, l.Organ, console.Clip(console.LetterKey(l), 12), l.Reason,
		console.Plural(l.Attempts, "attempt"), console.LetterMeta(l, metaSource))
	a.printf("%s\n", strings.TrimRight(head, " "))
	a.wrapped("        ", l.Error)
}

func (a *app) printOrgans(stats spine.Stats) {
	a.heading("Organs        handled      failed   dead   retried        p50        p99        max")
	for _, name := range organNames {
		o := stats.Organs[name]
		failed := 0
		for _, n := range o.Failures {
			failed += n
		}
		a.printf("      %-8s %6d   %9d   %4d   %7d", name, o.Handled, failed, o.DeadLetters, o.Retries)
		if o.Handled+failed > 0 {
			a.printf("   %8s   %8s   %8s", console.Short(o.Latency.P50), console.Short(o.Latency.P99), console.Short(o.Latency.Max))
		}
		a.printf("\n")
	}
}

// wrapped prints text in lines that fit, each behind indent.
func (a *app) wrapped(indent, text string) {
	line := indent
	for word := range strings.FieldsSeq(console.Printable(text)) {
		if console.Length(line)+1+console.Length(word) > width && line != indent {
			a.printf("%s\n", line)
			line = strings.Repeat(" ", console.Length(indent))
		}
		if strings.TrimSpace(line) != "" && line != indent {
			line += " "
		}
		line += word
	}
	a.printf("%s\n", line)
}
