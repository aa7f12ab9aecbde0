package matching

// plain tells at once that most orders pass all checks but that of the id.
func (b *book) plain(c *Command) bool {
	return c.Order != 0 && c.Trader != 0 && c.Side-Buy <= Sell-Buy && c.Type == Limit && c.TIF < GTD &&
		c.Prevention <= Decrement && uint64(c.Qty-1) < uint64(b.maxQty) && c.Display == 0 &&
		uint64(c.Price-1) < uint64(b.maxPrice) && b.phase == Continuous
}

// checkNew makes the checks of R13 that need no look at the orders opposite, in their order.
func (e *Engine) checkNew(b *book, c *Command) Reason {
	if why := checkWords(b, c); why != NoReason {
		return why
	}
	if c.Qty <= 0 || c.Qty > b.maxQty {
		return InvalidQty
	}
	if c.Display != 0 && !displayable(c) {
		return InvalidDisplay
	}
	if why := e.checkPrices(b, c); why != NoReason {
		return why
	}
	if e.known(c.Order) {
		return DuplicateID
	}
	return b.phase.refusal()
}

// checkWords checks who, where and what kind of order.
func checkWords(b *book, c *Command) Reason {
	switch {
	case c.Order == 0:
		return InvalidID
	case c.Trader == 0:
		return InvalidTrader
	case b == nil:
		return InvalidSymbol
	case c.Side != Buy && c.Side != Sell:
		return InvalidSide
	case c.Type > StopLimit:
		return InvalidType
	case !c.Type.takes(c.TIF):
		return InvalidTIF
	case c.Prevention > Decrement:
		return InvalidPrevention
	}
	return NoReason
}

// checkPrices checks the price, the trigger and the time, where the order has them.
func (e *Engine) checkPrices(b *book, c *Command) Reason {
	if c.Type == Limit || c.Type == StopLimit {
		if why := b.checkPrice(c.Price, InvalidPrice); why != NoReason {
			return why
		}
	}
	if c.Type >= Stop {
		if why := b.checkPrice(c.Trigger, InvalidTrigger); why != NoReason {
			return why
		}
	}
	if c.TIF == GTD && c.Time <= e.now {
		return InvalidTime
	}
	return NoReason
}

// takes tells whether the type of order may have the time in force.
func (t Type) takes(f TIF) bool {
	switch t {
	case Market:
		return f <= FOK
	case Stop:
		return f <= FOK || f == GTD
	}
	return f <= GTD
}

func displayable(c *Command) bool {
	rests := c.TIF == GTC || c.TIF == GTD || c.TIF == PostOnly
	return rests && (c.Type == Limit || c.Type == StopLimit) && c.Display > 0 && c.Display <= c.Qty &&
		c.Qty <= MaxSlices*c.Display
}

func (b *book) checkPrice(ticks int64, invalid Reason) Reason {
	switch {
	case ticks == OffTick:
		return OffTickReason
	case ticks <= 0 || ticks > b.maxPrice:
		return invalid
	}
	return NoReason
}
