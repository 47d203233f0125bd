// Runs in the browser: draws the panels whose kinds are on npm with Grafana's own components. Bundled by components.ts.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  dateTime,
  EventBusSrv,
  FieldType,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  toDataFrame,
  ThemeContext,
} from '@grafana/data'
import { BigValue, GlobalStyles, PanelContextProvider, TimeSeries, VizRepeater } from '@grafana/ui'
import { TableNG } from '@grafana/ui/unstable'
import { createElement as h } from 'react'
import { createRoot } from 'react-dom/client'

// What the time series panel itself gives a field that says nothing else.
const GRAPH = {
  drawStyle: 'line',
  lineInterpolation: 'linear',
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: 'none',
  axisPlacement: 'auto',
  axisColorMode: 'text',
  axisBorderShow: false,
  axisCenteredZero: false,
  axisLabel: '',
  barAlignment: 0,
  barWidthFactor: 0.6,
  scaleDistribution: { type: 'linear' },
  stacking: { mode: 'none', group: 'A' },
  hideFrom: { legend: false, tooltip: false, viz: false },
  thresholdsStyle: { mode: 'off' },
  spanNulls: false,
  insertNulls: false,
  showPoints: 'auto',
  showValues: false,
  pointSize: 5,
}
const STANDARD = ['unit', 'min', 'max', 'decimals', 'noValue', 'color', 'thresholds', 'mappings', 'links', 'displayName', 'fieldMinMax'] // prettier-ignore

const { panels, mode, from, to } = JSON.parse(document.querySelector('#panels').textContent)
const theme = createTheme({ colors: { mode } })
const timeRange = { from: dateTime(from), to: dateTime(to), raw: { from: dateTime(from), to: dateTime(to) } }
const context = { eventsScope: 'preview', eventBus: new EventBusSrv() }

const item = (id, path, isCustom) => ({ id, path, isCustom, process: finite, shouldApply: () => true })

/** Which properties a field may have, and where each is kept. */
function registryFor({ fieldConfig: { defaults, overrides } }) {
  const named = overrides.flatMap(({ properties }) => properties.map(({ id }) => id))
  const custom = new Set([
    ...Object.keys(defaults.custom ?? {}),
    ...named.filter((id) => id.startsWith('custom.')).map((id) => id.slice('custom.'.length)),
  ])
  const items = [
    ...STANDARD.map((id) => item(id, id, false)),
    ...[...custom].map((name) => item(`custom.${name}`, name, true)),
  ]
  return { list: () => items, getIfExists: (id) => items.find((one) => one.id === id) }
}

/** JSON has no minus infinity: the first step's value is null there. */
function finite(value) {
  if (!Array.isArray(value?.steps)) return value
  return { ...value, steps: value.steps.map((step) => ({ ...step, value: step.value ?? -Infinity })) }
}

function framesOf({ type, fieldConfig, fields }) {
  const defaults = {
    ...fieldConfig.defaults,
    custom: { ...(type === 'timeseries' ? GRAPH : {}), ...fieldConfig.defaults.custom },
  }
  const panel = { fieldConfig: { defaults, overrides: fieldConfig.overrides } }
  const frames = applyFieldOverrides({
    data: [toDataFrame({ fields: fields.map((field) => ({ ...field, type: FieldType[field.type], config: {} })) })],
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: registryFor(panel),
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  })
  cacheFieldDisplayNames(frames)
  return frames
}

const kinds = {
  timeseries({ options, width, height }, frames) {
    return h(
      TimeSeries,
      { frames, width, height, timeRange, timeZone: 'utc', legend: options.legend, options },
      () => null,
    )
  },
  stat({ options, fieldConfig, width, height }, frames) {
    const getValues = () =>
      getFieldDisplayValues({
        fieldConfig,
        reduceOptions: options.reduceOptions,
        replaceVariables: (text) => text,
        theme,
        data: frames,
        timeZone: 'utc',
      })
    return h(VizRepeater, {
      width,
      height,
      source: frames,
      renderCounter: 0,
      itemSpacing: 3,
      autoGrid: true,
      orientation: options.orientation,
      getValues,
      getAlignmentFactors: getDisplayValueAlignmentFactors,
      renderValue: ({ value, width, height, alignmentFactors, count }) =>
        h(BigValue, {
          value: value.display,
          width,
          height,
          alignmentFactors,
          count,
          theme,
          colorMode: options.colorMode,
          graphMode: options.graphMode,
          justifyMode: options.justifyMode,
          textMode: options.textMode,
          wideLayout: options.wideLayout,
        }),
    })
  },
  table({ options, fieldConfig, width, height }, [data]) {
    return h(TableNG, {
      data,
      width,
      height,
      timeRange,
      cellHeight: options.cellHeight,
      noHeader: !options.showHeader,
      noValue: fieldConfig.defaults.noValue,
      enableVirtualization: false,
      structureRev: 1,
    })
  },
}

for (const panel of panels) {
  const place = document.querySelector(`#panel-${panel.id}`)
  const drawn = kinds[panel.type](panel, framesOf(panel))
  createRoot(place).render(
    h(ThemeContext.Provider, { value: theme }, h(GlobalStyles), h(PanelContextProvider, { value: context }, drawn)),
  )
}
