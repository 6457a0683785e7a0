// Checks a Tollhouse ledger without Tollhouse: an export or a receipt, and a public key. Only Go's standard library, and no line
// of Tollhouse's own code: it follows docs/ledger-format.md alone.
//
//	go run . -key KEY [-pin CHECKPOINT] [-witness KEY … [-witnesses-needed N]] export.ndjson
//	go run . -key KEY [-witness KEY … [-witnesses-needed N]] receipt.tlog-proof
//
// -key may be given again, for earlier keys of the same ledger.
//
// Exit status 0: PASS. 1: FAIL. 2: it could not be checked.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// A body of 16 MiB in base64, with the rest of its line.
const lineMax = 24 * 1024 * 1024

type words []string

func (w *words) String() string { return strings.Join(*w, " ") }

func (w *words) Set(word string) error {
	*w = append(*w, word)
	return nil
}

func main() {
	var keys, witnesses words
	flag.Var(&keys, "key", "the ledger's public key, or a file with it; again for earlier ones")
	flag.Var(&witnesses, "witness", "a witness who must have cosigned: its public key, or a file with it")
	needed := flag.Int("witnesses-needed", 0, "how many of them; else all")
	pinFile := flag.String("pin", "", "a file with a checkpoint that you kept")
	flag.Parse()
	if len(keys) == 0 || flag.NArg() != 1 || *needed < 0 || *needed > len(witnesses) {
		flag.Usage()
		os.Exit(2)
	}
	if *needed == 0 {
		*needed = len(witnesses)
	}
	trust, err := trustOf(keys, witnesses, *needed)
	var answer any
	if err == nil {
		answer, err = check(trust, *pinFile, flag.Arg(0))
	}
	var file *os.PathError
	if errors.As(err, &file) {
		fmt.Fprintln(os.Stderr, "cannot be checked:", err)
		os.Exit(2)
	}
	passed := err == nil
	if export, is := answer.(Answer); is {
		passed = passed && export.Result == "PASS"
	}
	if err != nil {
		answer = map[string]string{"result": "FAIL", "problem": err.Error()}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil || !passed {
		os.Exit(1)
	}
}

func trustOf(keys, witnesses words, needed int) (Trust, error) {
	own, err := readKeys(keys, AlgorithmLedger)
	if err != nil {
		return Trust{}, err
	}
	for _, key := range own {
		if key.Name != own[0].Name {
			return Trust{}, errors.New("public key: expected keys of one ledger")
		}
	}
	seen, err := readKeys(witnesses, AlgorithmWitness)
	return Trust{own, seen, needed}, err
}

func readKeys(given words, algorithm byte) ([]Key, error) {
	keys := make([]Key, 0, len(given))
	for _, word := range given {
		if data, err := os.ReadFile(word); err == nil {
			word = strings.TrimSpace(string(data))
		}
		key, err := ParseKey(word, algorithm)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func check(trust Trust, pinFile, path string) (any, error) {
	pin, err := openPin(pinFile, trust)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<20)
	if start, _ := reader.Peek(len(proofFormat) + 1); string(start) == proofFormat+"\n" {
		text, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		return VerifyReceipt(string(text), trust)
	}
	return checkLines(reader, NewExport(trust, pin))
}

func openPin(path string, trust Trust) (*Checkpoint, error) {
	if path == "" {
		return nil, nil
	}
	note, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pin, err := OpenCheckpoint(string(note), trust)
	return &pin, err
}

func checkLines(reader io.Reader, export *Export) (Answer, error) {
	lines := bufio.NewScanner(reader)
	lines.Buffer(make([]byte, 1<<20), lineMax)
	for lines.Scan() {
		export.Push(lines.Bytes())
	}
	return export.End(), lines.Err()
}
