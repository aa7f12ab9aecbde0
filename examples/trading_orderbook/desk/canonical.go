package desk

import "encoding/binary"

// canonical is a payload in the one form that an audit trail hashes: its fields in the order in
// which they are declared, texts with their length in front, numbers as varints.
type canonical []byte

func (c canonical) text(s string) canonical {
	return append(c.count(uint64(len(s))), s...)
}

func (c canonical) texts(list ...string) canonical {
	for _, s := range list {
		c = c.text(s)
	}
	return c
}

func (c canonical) count(n uint64) canonical { return binary.AppendUvarint(c, n) }

func (c canonical) number(n int64) canonical { return binary.AppendVarint(c, n) }

func (c canonical) money(m Money) canonical { return c.count(m.hi).count(m.lo) }

func (c canonical) command(p *Command) canonical {
	c = c.texts(p.Action, p.OrderID, p.TraderID, p.Symbol, p.Side, p.OrderType, p.TIF)
	c = c.number(int64(p.Quantity)).text(string(p.Price))
	c = c.number(int64(p.Display)).text(string(p.Trigger))
	return c.texts(p.Prevention, p.Time, p.Phase)
}

func (c canonical) order(o *Order) canonical {
	return c.texts(o.OrderID, o.TraderID, o.Symbol, o.Side)
}

func (c canonical) fill(f *Fill) canonical {
	return c.order(&f.Order).texts(f.Role, f.TradeID, f.Price).number(f.Filled).number(f.Remaining)
}

func (c canonical) trade(t *Trade) canonical {
	return c.texts(t.TradeID, t.Symbol, t.Price).number(t.Quantity).texts(t.BuyerID, t.SellerID)
}

func (o OrderSubmitted) appendTo(c canonical) canonical { return c.command((*Command)(&o)) }

func (o OrderValidated) appendTo(c canonical) canonical { return c.command((*Command)(&o)) }

func (r OrderRejected) appendTo(c canonical) canonical {
	c = c.order(&r.Order).texts(r.Action, r.Reason)
	c = c.number(int64(len(r.Reasons))).texts(r.Reasons...)
	return c.texts(r.Detail, r.RejectedBy)
}

func (q OrderQueued) appendTo(c canonical) canonical {
	return c.order(&q.Order).texts(q.Price, q.Trigger).number(q.Remaining)
}

func (x OrderTriggered) appendTo(c canonical) canonical { return c.order(&x.Order).text(x.Trigger) }

func (p OrderPartialFill) appendTo(c canonical) canonical { return c.fill(&p.Fill) }

func (f OrderFilled) appendTo(c canonical) canonical { return c.fill(&f.Fill) }

func (x OrderCancelled) appendTo(c canonical) canonical {
	return c.order(&x.Order).text(x.Price).number(x.Quantity).number(x.Remaining).text(x.Reason)
}

func (a OrderAmended) appendTo(c canonical) canonical {
	return c.order(&a.Order).text(a.Price).number(a.Remaining).text(a.Priority)
}

func (x OrdersCancelled) appendTo(c canonical) canonical { return c.order(&x.Order).number(x.Count) }

func (p PhaseChanged) appendTo(c canonical) canonical { return c.texts(p.Symbol, p.Phase) }

func (t TradeExecuted) appendTo(c canonical) canonical {
	c = c.texts(t.TradeID, t.Symbol, t.Price).number(t.Quantity)
	return c.texts(t.BuyerID, t.SellerID, t.BuyerOrder, t.SellerOrder, t.MakerOrder, t.TakerOrder, t.Aggressor)
}

func (s SettlementComplete) appendTo(c canonical) canonical {
	return c.trade(&s.Trade).money(s.Amount).money(s.Fee)
}

func (s SettlementFailed) appendTo(c canonical) canonical {
	return c.trade(&s.Trade).texts(s.Reason, s.Detail).number(int64(s.Attempts))
}

func (r RiskAlert) appendTo(c canonical) canonical {
	return c.texts(r.TraderID, r.Symbol, r.Reason, r.Value, r.Limit, r.TradeID)
}
