package console

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/lmittmann/tint"
)

// LevelOff is above everything that is logged.
const LevelOff = slog.Level(100)

// ParseLevel reads the value of a flag --log.
func ParseLevel(text string) (slog.Level, error) {
	switch strings.ToLower(text) {
	case "off":
		return LevelOff, nil
	case "error":
		return slog.LevelError, nil
	case "warn":
		return slog.LevelWarn, nil
	case "info":
		return slog.LevelInfo, nil
	case "debug":
		return slog.LevelDebug, nil
	default:
		return LevelOff, fmt.Errorf("--log is %q, want off, error, warn, info or debug", text)
	}
}

// NewLog logs to out: in colour for somebody who looks on, as JSON with times in UTC for everybody else.
func NewLog(out io.Writer, level slog.Level) *slog.Logger {
	if Terminal(out) {
		return slog.New(tint.NewTextHandler(out, &tint.Options{Level: level, TimeFormat: "15:04:05.000"}))
	}
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level, ReplaceAttr: inUTC}))
}

func inUTC(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		a.Value = slog.TimeValue(a.Value.Time().UTC())
	}
	return a
}

// Terminal reports whether somebody sees what is written to, or read from, x. The null device is a device of characters
// too, and nobody's.
func Terminal(x any) bool {
	f, ok := x.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
