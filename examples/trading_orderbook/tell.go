package main

import (
	"fmt"
	"strings"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// mark is what became of an order, in one character.
type mark string

// The marks.
const (
	markFilled    mark = "✓"
	markPartial   mark = "◐"
	markResting   mark = "•"
	markCancelled mark = "–"
	markRejected  mark = "✗"
	markNone      mark = " "
)

// told is one line of what happened: a mark and a few words.
type told struct {
	mark mark
	text []string
}

func (t told) String() string { return strings.Join(t.text, ", ") }

// tell is what became of a command: a line, and one more for each stop that it set off.
func (x *story) tell() []told {
	switch {
	case x.Row != nil:
		return []told{{markRejected, []string{"not read: " + x.Row.Error}}}
	case x.Refused != nil:
		return []told{{markRejected, []string{"refused: " + strings.Join(x.Refused.Reasons, ", ")}}}
	case !x.Told:
		return []told{{markNone, []string{"under way"}}}
	}
	t := teller{subject: strings.TrimSpace(x.Asked.OrderID), lines: []told{{mark: markNone}}}
	for _, ev := range x.Events {
		if p, err := payloadOf(ev); err == nil && p != nil {
			t.add(p)
		}
	}
	if len(x.Events) == 0 {
		t.say("nothing to do")
	}
	for _, failed := range x.Failed {
		t.say(fmt.Sprintf("%s not settled: %s", failed.TradeID, failed.Reason))
	}
	return t.lines
}

// teller turns the events of one command into words, in their order.
type teller struct {
	subject string // the order that acts
	lines   []told
}

func (t *teller) now() *told { return &t.lines[len(t.lines)-1] }

func (t *teller) say(text string) { t.now().text = append(t.now().text, text) }

func (t *teller) add(p actors.Payload) {
	switch p := p.(type) {
	case desk.TradeExecuted:
		t.say(fmt.Sprintf("%s @ %s with %s", console.Grouped(int(p.Quantity)), p.Price, console.Clip(p.MakerOrder, 12)))
	case desk.OrderFilled:
		t.fill(markFilled, &p.Fill)
	case desk.OrderPartialFill:
		t.fill(markPartial, &p.Fill)
	case desk.OrderTriggered:
		t.subject = p.OrderID
		t.lines = append(t.lines, told{markNone, []string{"stop " + console.Clip(p.OrderID, 12) + " runs"}})
	case desk.OrderQueued:
		t.now().mark = markResting
		t.say(queued(&p))
	case desk.OrderCancelled:
		t.cancelled(&p)
	case desk.OrderAmended:
		t.now().mark = markResting
		t.say(fmt.Sprintf("amended to %s%s, priority %s", console.Grouped(int(p.Remaining)), at(p.Price), p.Priority))
	default:
		t.rare(p)
	}
}

// rare tells what is not about one order in a book.
func (t *teller) rare(p actors.Payload) {
	switch p := p.(type) {
	case desk.OrderRejected:
		t.now().mark = markRejected
		t.say("rejected: " + strings.Join(p.Reasons, ", "))
	case desk.OrdersCancelled:
		t.now().mark = markCancelled
		t.say(console.Plural(int(p.Count), "order") + " cancelled")
	case desk.PhaseChanged:
		t.say(p.Symbol + " is " + p.Phase)
	}
}

// fill tells what a trade was to the maker, or all of them to the taker.
func (t *teller) fill(m mark, f *desk.Fill) {
	left := console.Grouped(int(f.Remaining)) + " left"
	if f.Role == desk.Maker {
		text := t.now().text
		if f.Remaining > 0 && len(text) > 0 {
			text[len(text)-1] += " (" + left + ")"
		}
		return
	}
	t.now().mark = m
	if m == markPartial && f.Remaining > 0 {
		t.say(left)
	}
}

func queued(q *desk.OrderQueued) string {
	if q.Trigger != "" {
		return "waits for " + q.Trigger
	}
	return "rests"
}

func (t *teller) cancelled(c *desk.OrderCancelled) {
	what := fmt.Sprintf("%s cancelled (%s)", console.Grouped(int(c.Quantity)), c.Reason)
	if c.OrderID != t.subject {
		t.say(console.Clip(c.OrderID, 12) + ": " + what)
		return
	}
	if t.now().mark != markPartial {
		t.now().mark = markCancelled
	}
	// What a partial fill has left is what is cancelled now.
	if text := t.now().text; len(text) > 0 && text[len(text)-1] == console.Grouped(int(c.Quantity))+" left" {
		t.now().text = text[:len(text)-1]
	}
	t.say(what)
}

func at(price string) string {
	if price == "" {
		return ""
	}
	return " @ " + price
}

// phrase is a command as interactive reads it.
func phrase(c desk.Command) string {
	order, symbol := console.Clip(c.OrderID, 12), console.Clip(c.Symbol, 10)
	switch strings.ToUpper(strings.TrimSpace(c.Action)) {
	case "", desk.ActionNew:
		return newPhrase(c)
	case desk.ActionCancel:
		return "CANCEL " + order
	case desk.ActionAmend:
		text := "AMEND " + order
		if c.Quantity != 0 {
			text += " " + quantityText(c.Quantity)
		}
		return text + at(console.Clip(string(c.Price), 12))
	case desk.ActionCancelAll:
		return "CANCEL ALL " + symbol
	case desk.ActionSetPhase:
		return "PHASE " + symbol + " " + console.Clip(c.Phase, 12)
	case desk.ActionTick:
		return "TICK " + symbol + " " + console.Clip(c.Time, 20)
	default:
		return console.Clip(c.Action, 12) + " " + order
	}
}

func newPhrase(c desk.Command) string {
	words := []string{console.Clip(c.Side, 6), quantityText(c.Quantity), console.Clip(c.Symbol, 10)}
	kind, tif := strings.ToUpper(c.OrderType), strings.ToUpper(c.TIF)
	if c.Price != "" {
		words = append(words, "@", console.Clip(string(c.Price), 12))
	} else if kind == "MARKET" || kind == "STOP" {
		words = append(words, "MKT")
	}
	if kind != "" && kind != "LIMIT" && kind != "MARKET" && kind != "STOP" && kind != "STOP_LIMIT" {
		words = append(words, shortTIF(kind))
	}
	if tif != "" && tif != "GTC" {
		words = append(words, shortTIF(tif))
	}
	if c.Trigger != "" {
		words = append(words, "STOP", console.Clip(string(c.Trigger), 12))
	}
	if c.Display != 0 {
		words = append(words, "SHOW", quantityText(c.Display))
	}
	if c.Prevention != "" {
		words = append(words, "STP", console.Clip(strings.TrimPrefix(c.Prevention, "CANCEL_"), 10))
	}
	return strings.Join(words, " ")
}

func shortTIF(word string) string {
	if word == "POST_ONLY" {
		return "POST"
	}
	return console.Clip(word, 8)
}

func quantityText(q desk.Quantity) string {
	if q == desk.Unreadable {
		return "?"
	}
	return fmt.Sprint(int64(q))
}
