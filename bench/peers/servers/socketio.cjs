// Socket.IO as its documentation shows it: every socket is in one room, and an alarm that is POSTed goes to the room.
"use strict";

const http = require("node:http");
const { Server } = require("socket.io");
const { createAdapter } = require("@socket.io/redis-streams-adapter");
const { createClient } = require("redis");

async function main(port, redis) {
  const client = createClient({ url: redis });
  await client.connect();
  let io = null;
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      io.to("room").emit("alarm", JSON.parse(Buffer.concat(parts).toString()));
      response.writeHead(201, { "Content-Type": "application/json" });
      response.end("{}");
    });
  });
  io = new Server(server, { adapter: createAdapter(client) });
  io.on("connection", (socket) => socket.join("room"));
  server.listen({ port, host: "127.0.0.1", backlog: 4096 });
}

main(Number(process.argv[2]), process.argv[3]);
