package clearing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Client asks a clearing house. It is safe for concurrent use.
type Client struct {
	url  string
	http *http.Client
}

// What a client allows itself and the house.
const (
	dialTimeout   = 2 * time.Second
	headerTimeout = 10 * time.Second // until an answer begins; the context of a call may end it before
	idleTimeout   = time.Minute
	maxResponse   = 1 << 20 // bytes; 256 results have a tenth of it
	maxDetail     = 200     // bytes of what the house says that go into an error
	maxRetryAfter = 5 * time.Minute
)

// NewClient returns a client of the house at address, http or https, that keeps up to connections open
// between requests.
func NewClient(address string, connections int) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("clearing: address is %q, want http://host[:port]/path, or https", address)
	}
	if connections < 1 {
		return nil, fmt.Errorf("clearing: connections %d, want at least 1", connections)
	}
	return &Client{address, &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:   dialTimeout,
			ResponseHeaderTimeout: headerTimeout,
			MaxIdleConns:          connections,
			MaxIdleConnsPerHost:   connections,
			IdleConnTimeout:       idleTimeout,
		},
		// A redirected POST is another request, and maybe to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close lets go of kept connections; the client can still be used.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Settle sends at most MaxTrades trades in one request and returns what became of each, in order. Its error is
// an *Unavailable when nothing is known of any trade, so that they have to be sent again under the
// same keys; a *Refusal when the house refuses the whole request; or the end of ctx.
func (c *Client) Settle(ctx context.Context, trades []Instruction) ([]Result, error) {
	if len(trades) == 0 || len(trades) > MaxTrades {
		return nil, &Refusal{Reason: RequestRefused, Detail: fmt.Sprintf("%d trades, want 1 to %d", len(trades), MaxTrades)}
	}
	body, err := json.Marshal(request{trades})
	if err != nil {
		return nil, &Refusal{Reason: RequestRefused, Detail: err.Error()}
	}
	said, err := c.post(ctx, body)
	if err != nil {
		return nil, err
	}
	return resultsOf(trades, said)
}

// post returns the body of a 200.
func (c *Client) post(ctx context.Context, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, &Refusal{Reason: RequestRefused, Detail: err.Error()}
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	defer resp.Body.Close()
	// Read in any case: only then is the connection used again.
	said, err := readAll(io.LimitReader(resp.Body, maxResponse+1), resp.ContentLength, maxResponse)
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, refusalOf(resp, said)
	case err != nil:
		return nil, unavailable(ctx, err)
	case len(said) > maxResponse:
		return nil, &Unavailable{Err: fmt.Errorf("its answer has more than %d bytes", maxResponse)}
	}
	return said, nil
}

// unavailable is the error of a request that broke, unless it was ended from here.
func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("clearing house: %w", err)
	}
	return &Unavailable{Err: err}
}

// refusalOf tells what may be sent again: the house is busy, or too slow, or broken. Anything else is
// a word about the request.
func refusalOf(resp *http.Response, said []byte) error {
	detail := resp.Status
	if len(said) > 0 {
		detail += ": " + string(bytes.TrimSpace(said[:min(len(said), maxDetail)]))
	}
	switch code := resp.StatusCode; {
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests:
		return &Unavailable{After: retryAfter(resp), Err: errors.New(detail)}
	default:
		return &Refusal{Reason: RequestRefused, Detail: detail}
	}
}

// retryAfter is how long the house asks to be left alone, in bounds.
func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}

// resultsOf reads an answer. One that is not about these trades says nothing about any of them.
func resultsOf(trades []Instruction, said []byte) ([]Result, error) {
	r := response{Results: make([]answer, 0, len(trades))}
	if err := json.Unmarshal(said, &r); err != nil {
		return nil, &Unavailable{Err: fmt.Errorf("its answer: %w", err)}
	}
	if len(r.Results) != len(trades) {
		return nil, &Unavailable{Err: fmt.Errorf("it answers %d of %d trades", len(r.Results), len(trades))}
	}
	results := make([]Result, len(trades))
	for i, a := range r.Results {
		switch {
		case a.Key != trades[i].Key:
			return nil, &Unavailable{Err: fmt.Errorf("answer %d has the key %.80q, want %q", i+1, a.Key, trades[i].Key)}
		case a.Status == settled:
			results[i].Repeated = a.Repeated
		case a.Status == refused:
			results[i].Err = &Refusal{trades[i].TradeID, a.Reason, a.Detail}
		default:
			results[i].Err = &Unavailable{Err: fmt.Errorf("status of trade %q is %.80q", trades[i].TradeID, a.Status)}
		}
	}
	return results, nil
}
