/** The body of an answer that is written as it comes about. */

const ENCODER = new TextEncoder();

/** Takes the next piece of `text` when the client has room for it. `onEnd` is called once: the text has ended, or the client is gone. */
export function createTextStream(
  text: AsyncGenerator<string, void, undefined>,
  onEnd: () => void = () => {},
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { value, done } = await text.next();
        if (done !== true) return controller.enqueue(ENCODER.encode(value));
        onEnd();
        controller.close();
      },
      cancel: async () => {
        onEnd();
        await text.return();
      },
    },
    { highWaterMark: 0 },
  );
}
