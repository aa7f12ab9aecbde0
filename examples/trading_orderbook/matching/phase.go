package matching

// refusal tells why the phase refuses orders that enter or change.
func (p Phase) refusal() Reason {
	switch p {
	case CancelOnly:
		return SymbolCancelOnly
	case Halted:
		return SymbolHalted
	}
	return NoReason
}

// setPhase is the SetPhase command.
func (e *Engine) setPhase(c *Command) {
	b := e.bookOf(c.Symbol)
	switch {
	case b == nil:
		e.reject(c, InvalidSymbol)
		return
	case c.Phase > Halted:
		e.reject(c, InvalidPhase)
		return
	}
	b.phase = c.Phase
	ev := e.event(PhaseSet)
	ev.Symbol, ev.Phase = c.Symbol, c.Phase
}
