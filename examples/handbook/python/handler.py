# The handbook's SIGTERM handler in Python.
import signal
import sys
import time


def signal_handler(sig, frame):
    print('SIGTERM 신호를 받았습니다. Graceful shutdown 시작...')
    time.sleep(1)
    print('Graceful shutdown 완료')
    sys.exit(0)


signal.signal(signal.SIGTERM, signal_handler)
print('ready')
while True:
    signal.pause()
