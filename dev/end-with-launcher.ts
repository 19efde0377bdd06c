// Preloaded into each program that `npm start` runs: ends it in order, as SIGTERM does, when the launcher is
// gone without having passed a signal on, killed for instance. The channel between the two tells.
process.on('disconnect', () => {
  // Where it writes to may be gone as well, which must not keep it from finishing.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  console.error('start: the process that started this one is gone, so it stops as well');
  process.kill(process.pid, 'SIGTERM');
});
// By itself it is no reason to live on.
process.channel?.unref();
