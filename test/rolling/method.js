/** The one method of the gRPC service, for both sides: who answers? */
export const WHO = {
  path: '/rolling.Rolling/Who',
  requestStream: false,
  responseStream: false,
  requestSerialize: Buffer.from,
  requestDeserialize: String,
  responseSerialize: Buffer.from,
  responseDeserialize: String,
};
