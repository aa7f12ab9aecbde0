package desk

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// Limits bound what a trader may be into. What is above one raises a RISK_ALERT; nothing is stopped. The zero
// value of each is no limit.
type Limits struct {
	Position    int64 // units of one symbol, bought or sold
	Exposure    Money // positions at their last prices, sold ones counted like bought ones
	DailyVolume Money // traded on one UTC day
}

// StatementOf asks RiskManager for the Statement of a trader.
type StatementOf struct{}

// Statement is where a trader stands, by the trades that are settled.
type Statement struct {
	TraderID  string       `json:"trader_id"`
	Exposure  Money        `json:"exposure"`
	Day       string       `json:"day"` // UTC, such as 2026-01-31
	Volume    Money        `json:"daily_volume"`
	Positions []PositionOf `json:"positions"` // by symbol, closed ones included
	Above     []string     `json:"above"`     // limits that are exceeded: EXPOSURE_LIMIT, POSITION_LIMIT/AAPL ..
}

// PositionOf is a position in one symbol.
type PositionOf struct {
	Symbol   string `json:"symbol"`
	Quantity int64  `json:"quantity"`
	Last     string `json:"last_price"`
	Value    Money  `json:"value"` // of its size, whatever its sign
}

// account is the state of RiskManager for one trader.
type account struct {
	TraderID  string
	Exposure  Money
	Day       int64 // since 1970, UTC
	Volume    Money
	Positions map[string]position
	Above     map[string]bool // by limit, and by symbol for positions
}

type position struct {
	Quantity int64
	Last     string
	Value    Money
}

const accountVersion = 1

// MarshalBinary implements encoding.BinaryMarshaler: version, sums, positions by symbol, limits that are exceeded.
func (a *account) MarshalBinary() ([]byte, error) {
	c := append(make(canonical, 0, 512), accountVersion)
	c = c.money(a.Exposure).number(a.Day).money(a.Volume).count(uint64(len(a.Positions)))
	for _, symbol := range slices.Sorted(maps.Keys(a.Positions)) {
		p := a.Positions[symbol]
		c = c.text(symbol).number(p.Quantity).text(p.Last).money(p.Value)
	}
	return c.count(uint64(len(a.Above))).texts(slices.Sorted(maps.Keys(a.Above))...), nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. After an error the account is what it was.
func (a *account) UnmarshalBinary(data []byte) error {
	r := readingOf(data, accountVersion)
	restored := newAccount(a.TraderID)
	restored.Exposure, restored.Day, restored.Volume = r.money(), r.number(), r.money()
	for n := r.count(); n > 0 && !r.bad; n-- {
		symbol := r.text()
		restored.Positions[symbol] = position{r.number(), r.text(), r.money()}
	}
	for n := r.count(); n > 0 && !r.bad; n-- {
		restored.Above[r.text()] = true
	}
	if err := r.end(); err != nil {
		return fmt.Errorf("desk: account of trader %q: %w", a.TraderID, err)
	}
	*a = *restored
	return nil
}

func newAccount(trader string) *account {
	return &account{TraderID: trader, Positions: map[string]position{}, Above: map[string]bool{}}
}

// newRisk keeps account of traders. limits finds those of one.
func newRisk(limits func(trader string) Limits) *actors.Keyed[account] {
	return actors.NewKeyed(RiskManager, newAccount,
		actors.Step(func(a *account, ev actors.EventOf[PositionChanged]) ([]actors.Payload, error) {
			p := &ev.Payload
			if err := a.book(p, ev.Time()); err != nil {
				return nil, fmt.Errorf("position of trader %q after trade %q: %w", p.TraderID, p.TradeID, err)
			}
			return a.alerts(p, limits(a.TraderID)), nil
		}),
		actors.Answer(func(a *account, _ StatementOf) (Statement, error) { return a.statement(), nil }))
}

// ErrPosition reports a position that would not fit 64 bits.
var ErrPosition = errors.New("desk: position")

// book adds one side of a trade.
func (a *account) book(p *PositionChanged, at time.Time) error {
	was := a.Positions[p.Symbol]
	quantity := was.Quantity + p.Quantity
	if (quantity > was.Quantity) != (p.Quantity > 0) {
		return fmt.Errorf("%w: %d units and %d more do not fit", ErrPosition, was.Quantity, p.Quantity)
	}
	price, err := ParseMoney(p.Price)
	if err != nil {
		return fmt.Errorf("price: %w", err)
	}
	value, err := price.Times(size(quantity))
	if err != nil {
		return err
	}
	if a.Exposure, err = a.Exposure.minus(was.Value).Add(value); err != nil {
		return err
	}
	traded, err := price.Times(size(p.Quantity))
	if err != nil {
		return err
	}
	a.Positions[p.Symbol] = position{quantity, p.Price, value}
	return a.count(traded, at)
}

// size is the quantity without its sign.
func size(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// count adds to the volume of the day. What comes from a day that is over, after the first event of
// the next, belongs to no volume that anybody still looks at.
func (a *account) count(traded Money, at time.Time) (err error) {
	day := dayOf(at)
	switch {
	case day < a.Day:
		return nil
	case day > a.Day:
		a.Day, a.Volume = day, Money{}
	}
	a.Volume, err = a.Volume.Add(traded)
	return err
}

const secondsOfDay = 24 * 60 * 60

func dayOf(at time.Time) int64 {
	day := at.Unix() / secondsOfDay
	if at.Unix()%secondsOfDay < 0 {
		day--
	}
	return day
}

// alerts tells which limits are exceeded and were not before.
func (a *account) alerts(p *PositionChanged, l Limits) []actors.Payload {
	var out []actors.Payload
	alert := func(which, reason string, above bool, value, limit string) {
		if !above {
			delete(a.Above, which)
			return
		}
		if !a.Above[which] {
			a.Above[which] = true
			out = append(out, RiskAlert{a.TraderID, p.Symbol, reason, value, limit, p.TradeID})
		}
	}
	held := a.Positions[p.Symbol].Quantity
	if l.Position > 0 {
		above := size(held) > uint64(l.Position)
		alert(PositionLimit+"/"+p.Symbol, PositionLimit, above, strconv.FormatInt(held, 10), strconv.FormatInt(l.Position, 10))
	}
	if !l.Exposure.IsZero() {
		alert(ExposureLimit, ExposureLimit, l.Exposure.Less(a.Exposure), a.Exposure.String(), l.Exposure.String())
	}
	if !l.DailyVolume.IsZero() {
		alert(DailyVolumeLimit, DailyVolumeLimit, l.DailyVolume.Less(a.Volume), a.Volume.String(), l.DailyVolume.String())
	}
	return out
}

func (a *account) statement() Statement {
	s := Statement{
		TraderID: a.TraderID, Exposure: a.Exposure, Volume: a.Volume, Positions: []PositionOf{},
		Day:   time.Unix(a.Day*secondsOfDay, 0).UTC().Format(time.DateOnly),
		Above: slices.Sorted(maps.Keys(a.Above)),
	}
	for _, symbol := range slices.Sorted(maps.Keys(a.Positions)) {
		p := a.Positions[symbol]
		s.Positions = append(s.Positions, PositionOf{symbol, p.Quantity, p.Last, p.Value})
	}
	return s
}
