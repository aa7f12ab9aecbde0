package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

func (s *session) book(ctx context.Context, symbol string) error {
	if symbol == "" {
		seen, err := s.look(ctx)
		s.printBooks(seen)
		if len(seen.books) == 0 && err == nil {
			s.printf("  no symbol has had an order; there are %s\n", strings.Join(s.floor.desk.Symbols(), ", "))
		}
		return err
	}
	if _, traded := s.floor.desk.Spec(symbol); !traded {
		return fmt.Errorf("symbol %q is not traded, want one of %s", console.Clip(symbol, 20), strings.Join(s.floor.desk.Symbols(), ", "))
	}
	b, err := s.bookOf(ctx, symbol)
	if errors.Is(err, spine.ErrNoCell) {
		s.printf("  %s has had no order\n", symbol)
		return nil
	}
	if err == nil {
		s.printBook(b)
	}
	return err
}

func (s *session) position(ctx context.Context, trader string) error {
	if trader == "" {
		trader = s.trader
	}
	st, err := spine.Ask[desk.Statement](ctx, s.floor.spine, desk.RiskManager, trader, desk.StatementOf{})
	if errors.Is(err, spine.ErrNoCell) {
		s.printf("  %s has had no trade that is settled\n", console.Clip(trader, 20))
		return nil
	}
	if err != nil {
		return err
	}
	s.printf("  %s   exposure %s   volume of %s %s\n", console.Clip(trader, 20), st.Exposure, st.Day, st.Volume)
	for _, p := range st.Positions {
		s.printf("      %-8s %12s  @ %s = %s\n", p.Symbol, console.Grouped(int(p.Quantity)), p.Last, p.Value)
	}
	if len(st.Above) > 0 {
		s.printf("      above %s\n", strings.Join(st.Above, ", "))
	}
	return nil
}

func (s *session) stats(ctx context.Context) error {
	seen, err := s.look(ctx)
	if err != nil {
		return err
	}
	if err := s.printSymbols(seen); err != nil {
		return err
	}
	s.printAlerts()
	s.printOrgans(s.floor.spine.Stats())
	return nil
}

func (s *session) auditNow(ctx context.Context) error {
	all, err := s.floor.audit.compare(ctx, s.floor.spine)
	s.printAudit(all)
	return err
}

func (s *session) listDead(ctx context.Context) error {
	letters, err := s.floor.dead(ctx, remembered)
	if err == nil && len(letters) == 0 {
		s.printf("  none\n")
	}
	for _, l := range letters {
		s.printLetter(l.ID, l)
	}
	return err
}

func (s *session) letter(ctx context.Context, id string) (supervision.DeadLetter, error) {
	l, err := s.floor.letters.Show(ctx, id)
	if errors.Is(err, supervision.ErrNoLetter) {
		return l, fmt.Errorf("no dead letter has the number %q", console.Clip(id, 40))
	}
	return l, err
}

func (s *session) show(ctx context.Context, id string) error {
	l, err := s.letter(ctx, id)
	if err != nil {
		return err
	}
	s.printLetter(l.ID, l)
	if l.Event.IsZero() {
		return nil
	}
	data, _, err := l.Event.Data()
	s.wrapped("        ", l.Event.Type()+" "+string(data))
	return err
}

func (s *session) retry(ctx context.Context, id string) error {
	l, err := s.letter(ctx, id)
	if err != nil {
		return err
	}
	if _, err := s.floor.letters.Replay(ctx, id, nil); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	s.printf("  %s was given %s once more; dead lists what failed again\n", l.Organ, l.Event.Type())
	return nil
}

func (s *session) outage(word string) error {
	switch {
	case s.house == nil:
		return errors.New("the clearing house is not of this program")
	case word == "on":
		s.house.SetOutage(clearing.Refusing)
		s.printf("  the clearing house is out of service: trades wait until it is back\n")
	case word == "off":
		s.house.SetOutage(clearing.InService)
		s.printf("  the clearing house is in service\n")
	default:
		return errForm("outage on, or outage off", "%q is neither", console.Clip(word, 20))
	}
	return nil
}
