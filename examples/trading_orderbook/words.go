package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// The forms of what can be typed, as errors show them.
const (
	formOrder  = "BUY|SELL <quantity> <symbol> @ <price> | MKT  [IOC|FOK|POST] [STOP <price>] [SHOW <quantity>] [STP <mode>] [BY <trader>]"
	formCancel = "CANCEL <order>, or CANCEL ALL [<symbol>]"
	formAmend  = "AMEND <order> [<quantity>] [@ <price>]"
	formPhase  = "PHASE <symbol> CONTINUOUS|CANCEL_ONLY|HALTED"
	formTick   = "TICK <symbol> <time>, such as TICK AAPL 2026-01-31T16:00:00Z"
)

// errForm reports words that are no command; the text says what was expected.
func errForm(form, format string, args ...any) error {
	return fmt.Errorf("%s; want %s", fmt.Sprintf(format, args...), form)
}

// parser reads the words of one command.
type parser struct {
	words []string
	form  string
}

// parseCommand reads what somebody has typed. It knows no prices and no orders: whether a price is on a
// tick, and an order there, is for the desk to say.
func parseCommand(text string) (desk.Command, error) {
	if !utf8.ValidString(text) {
		return desk.Command{}, errors.New("this is no UTF-8")
	}
	p := parser{words: strings.Fields(strings.ReplaceAll(text, "@", " @ "))}
	given := p.next()
	switch verb := strings.ToUpper(given); verb {
	case "BUY", "SELL":
		p.form = formOrder
		return p.order(verb)
	case "CANCEL":
		p.form = formCancel
		return p.cancel()
	case "AMEND":
		p.form = formAmend
		return p.amend()
	case "PHASE":
		p.form = formPhase
		c := desk.Command{Action: desk.ActionSetPhase, Symbol: strings.ToUpper(p.next()), Phase: strings.ToUpper(p.next())}
		return c, p.end(c.Phase != "")
	case "TICK":
		p.form = formTick
		c := desk.Command{Action: desk.ActionTick, Symbol: strings.ToUpper(p.next()), Time: p.next()}
		return c, p.end(c.Time != "")
	default:
		return desk.Command{}, fmt.Errorf("unknown command %q, help lists them", console.Clip(given, 20))
	}
}

// next takes a word, "" when there is none.
func (p *parser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word
}

// end reports a command that is not complete, or goes on behind its end.
func (p *parser) end(complete bool) error {
	switch {
	case !complete:
		return errForm(p.form, "something is missing")
	case len(p.words) > 0:
		return errForm(p.form, "%q is too much", console.Clip(p.words[0], 20))
	}
	return nil
}

func (p *parser) quantity(what, word string) (desk.Quantity, error) {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil || n <= 0 {
		return 0, errForm(p.form, "%s is %q, which is no whole number above 0", what, console.Clip(word, 20))
	}
	return desk.Quantity(n), nil
}

func (p *parser) order(side string) (c desk.Command, err error) {
	c.Side = side
	if c.Quantity, err = p.quantity("the quantity", p.next()); err != nil {
		return c, err
	}
	c.Symbol = strings.ToUpper(p.next())
	switch word := strings.ToUpper(p.next()); word {
	case "@":
		c.OrderType, c.Price = "LIMIT", desk.Decimal(p.next())
	case "MKT", "MARKET":
		c.OrderType = "MARKET"
	case "":
		return c, errForm(p.form, "the price is missing")
	default:
		return c, errForm(p.form, "%q stands where the price should be", console.Clip(word, 20))
	}
	if c.OrderType == "LIMIT" && c.Price == "" {
		return c, errForm(p.form, "the price is missing")
	}
	for len(p.words) > 0 {
		if err := p.extra(&c); err != nil {
			return c, err
		}
	}
	return c, nil
}

// extra reads one of what may follow the price.
func (p *parser) extra(c *desk.Command) (err error) {
	word := strings.ToUpper(p.next())
	switch word {
	case "GTC", "IOC", "FOK", "POST", "POST_ONLY":
		if c.TIF != "" {
			return errForm(p.form, "%s and %s exclude each other", c.TIF, word)
		}
		c.TIF = strings.Replace(word+" ", "POST ", "POST_ONLY", 1)
		c.TIF = strings.TrimSpace(c.TIF)
		return nil
	case "STOP", "SHOW", "STP", "BY", "UNTIL":
	default:
		return errForm(p.form, "%q is unknown here", console.Clip(word, 20))
	}
	value := p.next()
	if value == "" {
		return errForm(p.form, "what is missing is a word behind %s", word)
	}
	switch word {
	case "STOP":
		c.Trigger = desk.Decimal(value)
		c.OrderType = map[string]string{"LIMIT": "STOP_LIMIT", "MARKET": "STOP"}[c.OrderType]
	case "SHOW":
		c.Display, err = p.quantity("what is shown", value)
	case "STP":
		if c.Prevention = strings.ToUpper(value); slices.Contains([]string{"NEWEST", "OLDEST", "BOTH"}, c.Prevention) {
			c.Prevention = "CANCEL_" + c.Prevention
		}
	case "BY":
		c.TraderID = value
	case "UNTIL":
		c.TIF, c.Time = "GTD", value
	}
	return err
}

func (p *parser) cancel() (desk.Command, error) {
	id := p.next()
	if strings.EqualFold(id, "ALL") {
		c := desk.Command{Action: desk.ActionCancelAll, Symbol: strings.ToUpper(p.next())}
		return c, p.end(true)
	}
	return desk.Command{Action: desk.ActionCancel, OrderID: id}, p.end(id != "")
}

func (p *parser) amend() (c desk.Command, err error) {
	c.Action, c.OrderID = desk.ActionAmend, p.next()
	if len(p.words) > 0 && p.words[0] != "@" {
		if c.Quantity, err = p.quantity("the quantity", p.next()); err != nil {
			return c, err
		}
	}
	if len(p.words) > 0 && p.words[0] == "@" {
		p.next()
		if c.Price = desk.Decimal(p.next()); c.Price == "" {
			return c, errForm(p.form, "the price is missing")
		}
	}
	return c, p.end(c.OrderID != "" && (c.Quantity != 0 || c.Price != ""))
}

// isOrderVerb reports whether a line is for parseCommand.
func isOrderVerb(verb string) bool {
	return slices.Contains([]string{"BUY", "SELL", "CANCEL", "AMEND", "PHASE", "TICK"}, strings.ToUpper(verb))
}
