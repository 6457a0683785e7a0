package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const exportFormat = "tollhouse-ledger-export/v1"

// Answer is what is said of an export.
type Answer struct {
	Result           string  `json:"result"`
	Tail             string  `json:"tail"`
	ProvenTo         *int64  `json:"proven_to"`
	Entries          int64   `json:"entries"`
	Checkpoints      int64   `json:"checkpoints"`
	WitnessedTo      *int64  `json:"witnessed_to"`
	FirstBadSequence *int64  `json:"first_bad_sequence"`
	Problem          *string `json:"problem"`
}

type bad struct {
	sequence int64
	problem  string
}

// Export checks an export line by line, in constant memory. Nothing is judged after the first bad line.
type Export struct {
	trust       Trust
	pin         *Checkpoint
	deployment  string
	tenant      []byte
	from        int64
	tree        *Tree
	previous    Hash
	macKey      *uint32
	since       int64
	isOpen      bool
	entries     int64
	checkpoints int64
	agreed      int64
	witnessed   int64
	pinAgreed   bool
	bad         *bad
	scratch     []byte
}

// NewExport checks against the keys of somebody who is trusted; pin may be nil.
func NewExport(trust Trust, pin *Checkpoint) *Export {
	return &Export{trust: trust, pin: pin}
}

// Push takes one line without its newline.
func (e *Export) Push(line []byte) {
	if e.bad != nil {
		return
	}
	if err := e.read(line); err != nil && e.bad == nil {
		e.fail(err.Error())
	}
}

func (e *Export) fail(problem string) {
	expected := int64(1)
	if e.tree != nil {
		expected = e.tree.Size + 1
	}
	e.bad = &bad{expected, problem}
}

type fields map[string]json.RawMessage

func (f fields) are(names ...string) bool {
	if len(f) != len(names) {
		return false
	}
	for _, name := range names {
		if _, is := f[name]; !is {
			return false
		}
	}
	return true
}

// text of a JSON string; an error for anything else, null included.
func (f fields) text(name string) (string, error) {
	var text *string
	if err := json.Unmarshal(f[name], &text); err != nil || text == nil {
		return "", fmt.Errorf("%s: expected a text", name)
	}
	return *text, nil
}

var wholeNumber = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})$`)

func (f fields) number(name string, least int64) (int64, error) {
	number, err := strconv.ParseInt(string(f[name]), 10, 64)
	if err != nil || !wholeNumber.Match(f[name]) || number < least || number > sizeMax {
		return 0, fmt.Errorf("%s: expected a whole number", name)
	}
	return number, nil
}

func (f fields) hash(name string) (Hash, error) {
	text, err := f.text(name)
	if err != nil {
		return Hash{}, err
	}
	return hashOf(name, text)
}

func hashOf(name, text string) (Hash, error) {
	data, err := hexBytes(name, text, len(Hash{}))
	if err != nil {
		return Hash{}, err
	}
	return Hash(data), nil
}

func hexBytes(name, text string, length int) ([]byte, error) {
	data, err := hex.DecodeString(text)
	if err != nil || len(data) != length || strings.ContainsAny(text, "ABCDEF") {
		return nil, fmt.Errorf("%s: expected %d bytes as lower-case hexadecimal digits", name, length)
	}
	return data, nil
}

func (e *Export) read(line []byte) error {
	if sequence, body, entryHash, mac, ok := splitEntry(line); ok && e.isOpen {
		return e.entry(sequence, body, entryHash, mac)
	}
	var f fields
	if err := json.Unmarshal(line, &f); err != nil || f == nil {
		return errors.New("a line that is no JSON object")
	}
	switch {
	case f.are("format", "deployment", "tenant", "origin", "from", "to", "previous_hash", "edge"):
		return e.begin(f)
	case !e.isOpen:
		return errors.New("expected the first line of an export")
	case f.are("sequence", "body", "entry_hash", "mac"):
		return e.entryOf(f)
	case f.are("checkpoint"):
		return e.checkpoint(f)
	case f.are("end", "entries") && string(f["end"]) == "true":
		if count, err := f.number("entries", 0); err != nil || count != e.since {
			return errors.New("the export does not have as many entries as it says")
		}
		e.isOpen = false
		return nil
	}
	return errors.New("a line that an export does not have")
}

var entryMarks = [][]byte{[]byte(`{"sequence":`), []byte(`,"body":"`), []byte(`","entry_hash":"`), []byte(`","mac":"`), []byte(`"}`)}

// splitEntry takes apart an entry as the server writes it; anything else goes the long way through JSON.
func splitEntry(line []byte) (sequence, body, entryHash, mac []byte, ok bool) {
	if bytes.IndexByte(line, '\\') >= 0 || !bytes.HasPrefix(line, entryMarks[0]) {
		return nil, nil, nil, nil, false
	}
	rest, parts := line[len(entryMarks[0]):], [4][]byte{}
	for i := range parts {
		part, behind, found := bytes.Cut(rest, entryMarks[i+1])
		if !found || bytes.IndexByte(part, '"') >= 0 {
			return nil, nil, nil, nil, false
		}
		parts[i], rest = part, behind
	}
	return parts[0], parts[1], parts[2], parts[3], len(rest) == 0
}

func (e *Export) begin(f fields) error {
	format, err := f.text("format")
	if err != nil || format != exportFormat {
		return fmt.Errorf("expected the format %s", exportFormat)
	}
	deployment, err1 := f.text("deployment")
	tenantText, err2 := f.text("tenant")
	origin, err3 := f.text("origin")
	from, err4 := f.number("from", 1)
	previous, err5 := f.hash("previous_hash")
	tenant, err6 := hexBytes("tenant", tenantText, 16)
	tree, err7 := treeOf(f["edge"], from-1)
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
		return err
	}
	if e.isOpen {
		return errors.New("an export begins before the one before it has ended")
	}
	if own := "tollhouse/" + deployment + "/" + tenantText; own != e.trust.Name() || origin != own {
		return fmt.Errorf("the export is of another ledger than %s", e.trust.Name())
	}
	if e.tree != nil {
		if from != e.tree.Size+1 || previous != e.previous {
			return errors.New("the export does not go on where the one before it ended")
		}
	} else {
		if from == 1 && previous != GenesisHash(deployment, tenant) {
			return errors.New("previous_hash is not the genesis hash of this deployment and tenant")
		}
		e.deployment, e.tenant, e.from, e.previous, e.tree = deployment, tenant, from, previous, tree
		e.agreed, e.witnessed = from-1, from-1
	}
	e.since, e.isOpen = 0, true
	return nil
}

func treeOf(raw json.RawMessage, size int64) (*Tree, error) {
	var texts []*string
	if err := json.Unmarshal(raw, &texts); err != nil || texts == nil {
		return nil, errors.New("edge: expected a list of hashes")
	}
	edge := make([]Hash, 0, len(texts))
	for _, text := range texts {
		if text == nil {
			return nil, errors.New("edge: expected a list of hashes")
		}
		hash, err := hashOf("edge", *text)
		if err != nil {
			return nil, err
		}
		edge = append(edge, hash)
	}
	return NewTree(size, edge)
}

func (e *Export) entryOf(f fields) error {
	body, err1 := f.text("body")
	entryHash, err2 := f.text("entry_hash")
	mac, err3 := f.text("mac")
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	return e.entry(f["sequence"], []byte(body), []byte(entryHash), []byte(mac))
}

func (e *Export) entry(sequenceText, bodyText, hashText, macText []byte) error {
	sequence, err1 := fields{"sequence": sequenceText}.number("sequence", 1)
	body, err2 := fromBase64(string(bodyText))
	stored, err3 := hashOf("entry_hash", string(hashText))
	_, err4 := hashOf("mac", string(macText))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	expected := e.tree.Size + 1
	if sequence != expected {
		return fmt.Errorf("gap or order: %d stands here", sequence)
	}
	decoded, err := DecodeBody(body)
	if err != nil {
		return fmt.Errorf("format: %w", err)
	}
	var hash Hash
	hash, e.scratch = EntryHash(e.scratch, e.previous, body)
	switch {
	case decoded.Sequence != uint64(sequence):
		return fmt.Errorf("order: the body says sequence %d", decoded.Sequence)
	case !bytes.Equal(decoded.Tenant, e.tenant):
		return errors.New("tenant: the body names another tenant")
	case hash != stored:
		return errors.New("hash: it does not follow from the entry before and the body")
	case (decoded.Type == typeGenesis) != (sequence == 1):
		return errors.New("genesis: it stands at sequence 1 and nowhere else")
	case sequence == 1 && string(decoded.Deployment) != e.deployment:
		return errors.New("genesis: it names another deployment")
	}
	if err := e.checkKey(decoded); err != nil {
		return err
	}
	e.tree.Push(hash)
	e.previous = hash
	e.entries++
	e.since++
	if e.pin == nil || e.pin.Size != sequence {
		return nil
	}
	if e.tree.Root() != e.pin.Root {
		return e.disagree("the pinned checkpoint")
	}
	e.pinAgreed, e.agreed = true, sequence
	return nil
}

func (e *Export) checkKey(decoded Body) error {
	if e.macKey != nil && *e.macKey != decoded.MACKey {
		return errors.New("key: another MAC key without a key rotation")
	}
	key := decoded.MACKey
	if decoded.Type == typeRotates {
		if decoded.NextKey == nil || decoded.NextMAC == nil {
			return errors.New("format: a key rotation needs nextMacKeyId and nextMac")
		}
		key = binary.BigEndian.Uint32(decoded.NextKey)
	}
	e.macKey = &key
	return nil
}

func (e *Export) checkpoint(f fields) error {
	note, err := f.text("checkpoint")
	if err != nil {
		return err
	}
	opened, err := OpenCheckpoint(note, e.trust)
	if err != nil {
		return err
	}
	if opened.Size != e.tree.Size {
		return fmt.Errorf("the checkpoint of %d entries does not follow its last one", opened.Size)
	}
	if opened.Root != e.tree.Root() {
		return e.disagree("its checkpoint")
	}
	e.checkpoints++
	e.agreed = opened.Size
	if opened.IsWitnessed {
		e.witnessed = opened.Size
	}
	return nil
}

// disagree: which entry it is lies between the last checkpoint that agrees and here; the first of them is named.
func (e *Export) disagree(what string) error {
	err := fmt.Errorf("the entries up to %d are not those of %s", e.tree.Size, what)
	e.bad = &bad{e.agreed + 1, err.Error()}
	return err
}

func (e *Export) judgeEnd() {
	switch {
	case e.tree == nil:
		e.fail("there is no export")
	case e.isOpen:
		e.fail("the export breaks off: its last line is missing")
	case e.pin != nil && e.pin.Size > e.tree.Size:
		e.fail(fmt.Sprintf("entries were cut off: the export ends at %d, the pin covers %d", e.tree.Size, e.pin.Size))
	case e.pin != nil && e.pin.Size < e.from:
		e.fail("the export begins behind the pin")
	case e.agreed < e.tree.Size:
		e.bad = &bad{e.agreed + 1, fmt.Sprintf("no checkpoint covers the entries from %d on", e.agreed+1)}
	case len(e.trust.Witnesses) > 0 && e.witnessed < e.tree.Size:
		problem := fmt.Sprintf("no checkpoint that enough witnesses cosigned covers the entries from %d on", e.witnessed+1)
		e.bad = &bad{e.witnessed + 1, problem}
	}
}

// End says what was found.
func (e *Export) End() Answer {
	if e.bad == nil {
		e.judgeEnd()
	}
	answer := Answer{Result: "PASS", Tail: "NOT PROVEN", Entries: e.entries, Checkpoints: e.checkpoints}
	if len(e.trust.Witnesses) > 0 {
		answer.WitnessedTo = &e.witnessed
	}
	if e.bad != nil {
		answer.Result, answer.FirstBadSequence, answer.Problem = "FAIL", &e.bad.sequence, &e.bad.problem
	} else if e.pinAgreed {
		answer.Tail, answer.ProvenTo = "PROVEN", &e.pin.Size
	}
	return answer
}
