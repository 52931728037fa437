"""A client of Serf's RPC with nothing but Python: msgpack by hand, framed as serfclient does.

serf-client.py transcript HOST SELF OTHER   every command once, each reply as a line of JSON
serf-client.py stream HOST NAME             the records of `stream *`, as lines of JSON; a query `ask` is answered
"""
import json
import os
import socket
import struct
import sys


def pack(value):
    if value is None:
        return b'\xc0'
    if isinstance(value, bool):
        return b'\xc3' if value else b'\xc2'
    if isinstance(value, int):
        return bytes([value]) if value < 128 else b'\xcf' + struct.pack('>Q', value)
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):  # the old family: text and bytes are one
        head = bytes([0xa0 | len(value)]) if len(value) < 32 else b'\xda' + struct.pack('>H', len(value))
        return head + value
    if isinstance(value, list):
        return b'\xdc' + struct.pack('>H', len(value)) + b''.join(map(pack, value))
    return b'\xde' + struct.pack('>H', len(value)) + b''.join(pack(k) + pack(v) for k, v in value.items())


class Client:
    def __init__(self, host, port=7373):
        self.socket = socket.create_connection((host, port))
        self.socket.settimeout(60)
        self.file = self.socket.makefile('rb')
        self.seq = 0

    def read(self, length):
        octets = self.file.read(length)
        if len(octets) < length:
            raise EOFError()
        return octets

    def number(self, kind):
        return struct.unpack('>' + kind, self.read(struct.calcsize(kind)))[0]

    def value(self):
        head = self.read(1)[0]
        if head < 0x80:
            return head
        if head < 0x90:
            return self.map(head & 15)
        if head < 0xa0:
            return [self.value() for _ in range(head & 15)]
        if head < 0xc0:
            return self.read(head & 31).decode()
        if head >= 0xe0:
            return head - 256
        if head in (0xc0, 0xc2, 0xc3):
            return {0xc0: None, 0xc2: False, 0xc3: True}[head]
        numbers = dict(zip(range(0xca, 0xd4), 'fdBHIQbhiq'))
        if head in numbers:
            return self.number(numbers[head])
        if head in (0xc4, 0xc5, 0xc6):
            return list(self.read(self.number('BHI'[head - 0xc4])))
        if head in (0xd9, 0xda, 0xdb):
            return self.read(self.number('BHI'[head - 0xd9])).decode()
        if head in (0xdc, 0xdd):
            return [self.value() for _ in range(self.number('HI'[head - 0xdc]))]
        return self.map(self.number('HI'[head - 0xde]))

    def map(self, length):
        return {self.value(): self.value() for _ in range(length)}

    def send(self, command, body=None):
        self.seq += 1
        self.socket.sendall(pack({'Command': command, 'Seq': self.seq}) + (b'' if body is None else pack(body)))
        return self.seq

    def call(self, command, body=None, has_body=False):
        seq = self.send(command, body)
        header = self.value()
        assert header['Seq'] == seq, header
        return [command, header['Error'], self.value() if has_body else None]


def ready(host):
    client = Client(host)
    client.call('handshake', {'Version': 1})
    if 'RPC_AUTH' in os.environ:
        client.call('auth', {'AuthKey': os.environ['RPC_AUTH']})
    return client


def say(value):
    print(json.dumps(value, sort_keys=True), flush=True)


def transcript(host, this, other):
    hasty = Client(host)
    say(hasty.call('members'))
    try:
        say(hasty.value())
    except EOFError:
        say('closed')
    client = Client(host)
    say(client.call('handshake', {'Version': 9}))
    say(client.call('handshake', {'Version': 1}))
    say(client.call('handshake', {'Version': 1}))
    say(client.call('auth', {'AuthKey': 'x'}))
    say(client.call('members', None, True))
    say(client.call('members-filtered', {'Tags': {'role': 'w.b'}, 'Status': 'ali.e', 'Name': '.*'}, True))
    say(client.call('members-filtered', {'Name': 'nobody'}, True))
    say(client.call('event', {'Name': 'py', 'Payload': b'\x01\x02', 'Coalesce': False}))
    say(client.call('event', {'Name': 'no payload'}))
    say(client.call('force-leave', {'Node': 'nobody', 'Prune': False}))
    say(client.call('join', {'Existing': [other], 'Replay': True}, True))
    say(client.call('join', {'Existing': []}, True))
    say(client.call('get-coordinate', {'Node': this}, True))
    say(client.call('get-coordinate', {'Node': 'nobody'}, True))
    say(client.call('stats', None, True))
    say(client.call('respond', {'ID': 4000000000, 'Payload': b'x'}))
    say(client.call('stream', {'Type': 'nonsense'}))
    say(client.call('monitor', {'LogLevel': 'nonsense'}))
    say(client.call('stop', {'Stop': 999}))
    say(client.call('tags', {'Tags': {'py': '1'}, 'DeleteTags': ['absent']}))
    say(client.call('tags', {'DeleteTags': ['py']}))
    say(client.call('list-keys', None, True))
    client = ready(host)
    seq = client.send('query', {'RequestAck': True, 'Timeout': 2000000000, 'Name': 'py', 'Payload': b'hi'})
    assert client.value() == {'Seq': seq, 'Error': ''}
    records = []
    while not records or records[-1]['Type'] != 'done':
        assert client.value()['Seq'] == seq
        records.append(client.value())
    say(['query', sorted(json.dumps(record, sort_keys=True) for record in records[:-1]), records[-1]])
    client = ready(host)
    seq = client.send('monitor', {'LogLevel': 'DEBUG'})
    assert client.value() == {'Seq': seq, 'Error': ''}
    assert client.value() == {'Seq': seq, 'Error': ''}
    say(['monitor', client.value()])
    client = ready(host)
    say(client.call('frobnicate'))
    try:
        say(client.value())
    except EOFError:
        say('closed')


def stream(host, name):
    client = ready(host)
    seq = client.send('stream', {'Type': '*'})
    say(client.value())
    while True:
        if client.value()['Seq'] != seq:
            continue  # the reply to an answer
        record = client.value()
        if record['Event'] == 'query' and record['Name'] == 'ask':
            client.send('respond', {'ID': record['ID'], 'Payload': ('pong from ' + name).encode()})
        say(record)


try:
    {'transcript': transcript, 'stream': stream}[sys.argv[1]](*sys.argv[2:])
except (EOFError, ConnectionError):
    pass
