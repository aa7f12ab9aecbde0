package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// market is what is traded, and what its traders may do.
type market struct {
	Symbols []listing         `json:"symbols"`
	Limits  limits            `json:"limits"` // of every trader who is not below
	Traders map[string]limits `json:"traders"`
	Poor    []string          `json:"poor"` // the local clearing house refuses what they buy
}

// listing is a symbol as a market file has it.
type listing struct {
	Symbol string `json:"symbol"`
	Tick   string `json:"tick"` // a decimal such as "0.01", or "0.05"
	Lot    int64  `json:"lot"`  // units; 0 is 1
}

// limits raise an alert; 0 and "" are none.
type limits struct {
	Position    int64  `json:"position"`
	Exposure    string `json:"exposure"`
	DailyVolume string `json:"daily_volume"`
}

//go:embed sample/market.json
var sampleMarket []byte

// openMarket reads the market of the file at path; "" is the built-in one.
func openMarket(path string) (market, error) {
	data, name := sampleMarket, "built in"
	if path != "" {
		var err error
		if data, err = os.ReadFile(path); err != nil {
			return market{}, fmt.Errorf("market: %w", err)
		}
		name = path
	}
	var m market
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("market %q: %w", name, err)
	}
	return m, nil
}

// stressMarket has n symbols, those of the built-in market first.
func stressMarket(n int) (market, error) {
	m, err := openMarket("")
	if err != nil {
		return m, err
	}
	for i := len(m.Symbols); i < n; i++ {
		m.Symbols = append(m.Symbols, listing{Symbol: fmt.Sprintf("SYM%d", i+1), Tick: "0.01", Lot: 1})
	}
	m.Symbols = m.Symbols[:n]
	for i := range m.Symbols {
		m.Symbols[i].Tick, m.Symbols[i].Lot = "0.01", 1
	}
	m.Limits, m.Traders = limits{Position: 200_000}, nil
	return m, nil
}

// config is the market as the desk wants it. It reports all mistakes at once.
func (m *market) config() (desk.Config, error) {
	var c desk.Config
	var errs []error
	for _, s := range m.Symbols {
		spec, err := s.spec()
		errs = append(errs, err)
		c.Symbols = append(c.Symbols, spec)
	}
	var err error
	c.Limits, err = m.Limits.parse("limits")
	errs = append(errs, err)
	c.Traders = map[string]desk.Limits{}
	for trader, l := range m.Traders {
		c.Traders[trader], err = l.parse(fmt.Sprintf("limits of trader %q", trader))
		errs = append(errs, err)
	}
	return c, errors.Join(errs...)
}

// spec turns the tick into places and a step: "0.05" is 2 and 5.
func (s listing) spec() (matching.Spec, error) {
	spec := matching.DefaultSpec(s.Symbol)
	_, fraction, _ := strings.Cut(s.Tick, ".")
	spec.Decimals = len(fraction)
	step, why := spec.ParsePrice([]byte(s.Tick))
	if why != matching.NoReason || spec.Decimals > 9 {
		return spec, fmt.Errorf("symbol %q: tick is %q, want a decimal such as \"0.01\" of at most 9 places", s.Symbol, s.Tick)
	}
	spec.Step, spec.Lot = step, max(s.Lot, 1)
	// A price has at most 9 digits before the point, whatever the tick is.
	spec.MaxPrice = max(1, matching.MaxPrice/step)
	return spec, nil
}

func (l limits) parse(what string) (desk.Limits, error) {
	found := desk.Limits{Position: l.Position}
	var errs []error
	for _, x := range []struct {
		name, text string
		into       *desk.Money
	}{{"exposure", l.Exposure, &found.Exposure}, {"daily_volume", l.DailyVolume, &found.DailyVolume}} {
		if x.text == "" {
			continue
		}
		var err error
		if *x.into, err = desk.ParseMoney(x.text); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", what, x.name, err))
		}
	}
	return found, errors.Join(errs...)
}
